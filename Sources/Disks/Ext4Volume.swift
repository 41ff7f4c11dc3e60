import SystemPackage

/// An ext4 filesystem inside a raw disk image, read without a kernel.
///
/// An image's content has to be listed at each build and each `verify`. Through the appliance that takes most of a
/// minute under software emulation; here it takes a second. Reading untrusted filesystems is what the appliance is for,
/// so nothing here is trusted: every offset is checked, loops are bounded, and Swift keeps to its memory.
///
/// The layout is that of the kernel's Documentation/filesystems/ext4/.
package struct Ext4Volume: Sendable {
  package let disk: DiskBytes
  /// Where the filesystem begins on the disk.
  private let start: UInt64
  private let blockSize: Int
  private let inodesPerGroup: UInt32
  private let inodeSize: Int
  private let inodeCount: UInt32
  private let blockCount: UInt64
  /// Where each group's inodes are, in blocks.
  private let inodeTables: [UInt64]
  /// As `blkid` writes it.
  package let uuid: String

  private enum Feature {
    static let fileType: UInt32 = 0x2
    /// It wasn't unmounted: what is in its journal alone isn't seen here.
    static let needsRecovery: UInt32 = 0x4
    static let extents: UInt32 = 0x40
    static let wide: UInt32 = 0x80
    static let flexibleGroups: UInt32 = 0x200
    static let checksumSeed: UInt32 = 0x2000
    static let largeFolders: UInt32 = 0x4000
    static let known = fileType | needsRecovery | extents | wide | flexibleGroups | checksumSeed | largeFolders
  }

  /// Finds the filesystem with this UUID on a disk.
  ///
  /// - Throws: ``Ext4Error``, ``HostError``.
  package static func find(uuid: String, on disk: DiskBytes) throws -> Ext4Volume {
    for start in try Partitions.starts(on: disk) where start < disk.size {
      if let volume = try Ext4Volume(disk, at: start), volume.uuid == uuid { return volume }
    }
    throw Ext4Error.noPartition(disk: disk.path, uuid: uuid)
  }

  /// Nil where no ext filesystem begins at `start`.
  package init?(_ disk: DiskBytes, at start: UInt64) throws {
    guard start < disk.size, disk.size - start >= 2048 else { return nil }
    let superblock = try disk.read(start + 1024, 1024)
    guard superblock.number16(0x38) == 0xEF53 else { return nil }
    func damaged(_ reason: String) -> Ext4Error { .damaged(disk: disk.path, reason: reason) }

    let unknown = superblock.number32(0x60) & ~Feature.known
    guard unknown == 0 else { throw Ext4Error.unknownFeature(disk: disk.path, bits: unknown) }
    guard superblock.number32(0x18) <= 6 else { throw damaged("its blocks are too large") }
    let isWide = superblock.number32(0x60) & Feature.wide != 0
    self.disk = disk
    self.start = start
    blockSize = 1024 << Int(superblock.number32(0x18))
    blockCount = UInt64(superblock.number32(0x4)) | (isWide ? UInt64(superblock.number32(0x150)) << 32 : 0)
    inodeCount = superblock.number32(0)
    inodesPerGroup = superblock.number32(0x28)
    inodeSize = superblock.number32(0x4C) == 0 ? 128 : Int(superblock.number16(0x58))
    let blocksPerGroup = UInt64(superblock.number32(0x20))
    guard inodesPerGroup > 0, blocksPerGroup > 0, inodeSize >= 128, inodeSize <= blockSize,
      blockCount <= (disk.size - start) / UInt64(blockSize)
    else { throw damaged("its superblock makes no sense") }

    let groups = (blockCount + blocksPerGroup - 1) / blocksPerGroup
    let first = UInt64(superblock.number32(0x14)) + 1
    guard groups <= 1 << 20 else { throw damaged("it has too many groups") }
    inodeTables = try Self.inodeTables(
      disk, at: start + first * UInt64(blockSize), groups: Int(groups),
      descriptorSize: isWide ? Int(superblock.number16(0xFE)) : 32)
    let id = superblock[0x68..<0x78].map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }
    uuid = [id[0..<4], id[4..<6], id[6..<8], id[8..<10], id[10..<16]].map { $0.joined() }.joined(separator: "-")
  }

  /// Reads the group descriptors, a piece at a time: a damaged disk may say that there are a million of the largest.
  private static func inodeTables(
    _ disk: DiskBytes, at start: UInt64, groups: Int, descriptorSize: Int
  ) throws -> [UInt64] {
    // The kernel mounts nothing else (EXT4_MIN_DESC_SIZE and EXT4_MAX_DESC_SIZE of fs/ext4/ext4.h).
    guard [32, 64, 128, 256, 512, 1024].contains(descriptorSize) else {
      throw Ext4Error.damaged(disk: disk.path, reason: "its groups' descriptors are of an impossible size")
    }
    var tables: [UInt64] = []
    for firstGroup in stride(from: 0, to: groups, by: 1024) {
      let count = min(1024, groups - firstGroup)
      let piece = try disk.read(start + UInt64(firstGroup * descriptorSize), count * descriptorSize)
      tables += (0..<count).map { group in
        let place = group * descriptorSize
        let high = descriptorSize >= 64 ? UInt64(piece.number32(place + 0x28)) << 32 : 0
        return UInt64(piece.number32(place + 0x8)) | high
      }
    }
    return tables
  }

  package func damaged(_ reason: String) -> Ext4Error { .damaged(disk: disk.path, reason: reason) }

  /// One block.
  func block(_ number: UInt64) throws -> [UInt8] { try blocks(number, 1) }

  private func blocks(_ number: UInt64, _ count: Int) throws -> [UInt8] {
    guard number < blockCount, UInt64(count) <= blockCount - number else { throw damaged("a block lies outside of it") }
    return try disk.read(start + number * UInt64(blockSize), count * blockSize)
  }

  /// The root folder's number.
  package static let root: UInt32 = 2

  /// - Throws: ``Ext4Error/damaged(disk:reason:)``.
  package func inode(_ number: UInt32) throws -> Ext4Inode {
    guard number > 0, number <= inodeCount else { throw damaged("an inode's number is out of range") }
    let group = Int((number - 1) / inodesPerGroup)
    guard group < inodeTables.count, inodeTables[group] < blockCount else { throw damaged("a group has no inodes") }
    let index = UInt64((number - 1) % inodesPerGroup)
    let place = start + inodeTables[group] * UInt64(blockSize) + index * UInt64(inodeSize)
    return Ext4Inode(number: number, bytes: try disk.read(place, inodeSize))
  }

  // MARK: Content

  /// Calls `body` with the content of a file or folder, piece by piece; holes are zeros.
  package func read(_ inode: Ext4Inode, _ body: ([UInt8]) throws -> Void) throws {
    guard inode.usesExtents else { throw damaged("a file has the block map of ext3") }
    guard inode.size <= blockCount * UInt64(blockSize) * 64 else { throw damaged("a file is larger than can be") }
    var left = inode.size
    var next: UInt64 = 0
    for extent in try extents(inode) {
      guard extent.logical >= next else { throw damaged("a file's blocks overlap") }
      try zeros((extent.logical - next) * UInt64(blockSize), &left, body)
      next = extent.logical
      var physical = extent.physical
      var count = extent.count
      while count > 0 && left > 0 {
        let piece = Int(min(count, UInt64((1 << 20) / blockSize)))
        if extent.isUnwritten {
          try zeros(UInt64(piece * blockSize), &left, body)
        } else {
          let bytes = try blocks(physical, piece)
          let wanted = Int(min(left, UInt64(bytes.count)))
          try body(wanted == bytes.count ? bytes : Array(bytes[..<wanted]))
          left -= UInt64(wanted)
        }
        physical += UInt64(piece)
        count -= UInt64(piece)
        next += UInt64(piece)
      }
    }
    try zeros(left, &left, body)
  }

  /// All of a file or folder, which must not be larger than `limit` bytes.
  package func contents(_ inode: Ext4Inode, limit: Int) throws -> [UInt8] {
    guard inode.size <= UInt64(limit) else { throw damaged("a file is larger than \(limit) bytes") }
    var bytes: [UInt8] = []
    try read(inode) { bytes += $0 }
    return bytes
  }

  private func zeros(_ count: UInt64, _ left: inout UInt64, _ body: ([UInt8]) throws -> Void) throws {
    var count = min(count, left)
    left -= count
    while count > 0 {
      let piece = Int(min(count, 1 << 20))
      try body([UInt8](repeating: 0, count: piece))
      count -= UInt64(piece)
    }
  }

  private struct Extent {
    var logical: UInt64
    var physical: UInt64
    var count: UInt64
    var isUnwritten: Bool
  }

  /// More pieces than any file has, in a disk that isn't full of holes on purpose.
  private static let extentLimit = 1 << 20

  /// The runs of blocks that make up a file, in its own order.
  private func extents(_ inode: Ext4Inode) throws -> [Extent] {
    var visited = 0
    var extents: [Extent] = []
    func walk(_ node: ArraySlice<UInt8>, depth: Int) throws {
      visited += 1
      // A file of 16 TiB in single blocks would still have fewer nodes than this.
      guard visited <= 1 << 16, depth <= 5, node.number16(0) == 0xF30A else {
        throw damaged("a file's extents make no sense")
      }
      let entries = min(Int(node.number16(2)), (node.count - 12) / 12)
      let isLeaf = node.number16(6) == 0
      // Nodes may stand in many places of a damaged tree, and then there are many more extents than bytes on the disk.
      guard !isLeaf || extents.count + entries <= Self.extentLimit else {
        throw damaged("a file is in too many pieces")
      }
      for index in 0..<entries {
        let entry = 12 + 12 * index
        if isLeaf {
          let length = node.number16(entry + 4)
          extents.append(
            Extent(
              logical: UInt64(node.number32(entry)),
              physical: UInt64(node.number16(entry + 6)) << 32 | UInt64(node.number32(entry + 8)),
              count: UInt64(length > 32768 ? length - 32768 : length), isUnwritten: length > 32768))
        } else {
          let child = UInt64(node.number16(entry + 8)) << 32 | UInt64(node.number32(entry + 4))
          try walk(block(child)[...], depth: depth + 1)
        }
      }
    }
    try walk(inode.blockArea[...], depth: 0)
    return extents
  }

  // MARK: Folders

  /// The names in a folder, without `.` and `..`.
  package func names(in inode: Ext4Inode) throws -> [(name: String, inode: UInt32)] {
    var names: [(String, UInt32)] = []
    let bytes = try contents(inode, limit: 64 << 20)
    for base in stride(from: 0, to: bytes.count, by: blockSize) {
      var place = base
      let end = min(base + blockSize, bytes.count)
      while place + 8 <= end {
        let length = Int(bytes.number16(place + 4))
        let size = Int(bytes[place + 6])
        guard length >= 8, place + length <= end, 8 + size <= length else {
          throw damaged("a folder's entries make no sense")
        }
        let number = bytes.number32(place)
        let name = bytes[(place + 8)..<(place + 8 + size)]
        place += length
        // Index nodes and checksums look like entries without an inode.
        guard number != 0, size > 0, !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) else { continue }
        guard !name.contains(0), !name.contains(UInt8(ascii: "/")) else { throw damaged("a name holds a slash") }
        names.append((String(decoding: name, as: UTF8.self), number))
      }
    }
    return names
  }
}
