import Host
import SystemPackage

/// What a disk image says of itself, read by cpbuild and by nothing else.
///
/// An image may be anybody's. QEMU's tools would follow a path that it names, or guess its format, so this comes before
/// anything of theirs opens it; from then on the format is always given.
struct DiskImageHeader: Equatable {
  let format: DiskFormat
  /// In bytes.
  let virtualSize: UInt64

  /// The largest disk that a base may have by default: 64 GiB. The images of distributions have 2 to 10.
  static let standardLimit: UInt64 = 64 << 30

  /// Reads and checks the header of `file`.
  ///
  /// - Parameter limit: of the disk's size, in bytes.
  /// - Throws: ``ImageRefusal``, `HostError`.
  static func read(_ file: ImageFile, limit: UInt64 = standardLimit) throws -> DiskImageHeader {
    guard file.identity.size > 0 else { throw ImageRefusal.empty }
    let start = try file.read(at: 0, count: max(ForeignFormat.length, QCOW2Header.longest))
    if start.starts(with: QCOW2Header.magic) {
      let header = try QCOW2Header(start, fileSize: file.identity.size, limit: limit)
      let table = try file.read(at: header.l1Offset, count: header.l1Count * 8)
      try header.check(l1: table, fileSize: file.identity.size)
      return DiskImageHeader(format: .qcow2, virtualSize: header.virtualSize)
    }
    if let foreign = ForeignFormat.of(start) { throw ImageRefusal.foreign(foreign) }
    // A fixed VHD and an Apple disk image are told by their ends.
    let end = try file.read(at: file.identity.size - min(512, file.identity.size), count: 512)
    if let foreign = ForeignFormat.of(end), file.identity.size > 512 { throw ImageRefusal.foreign(foreign) }
    try PartitionTable.check(start, size: file.identity.size)
    guard file.identity.size <= limit else { throw ImageRefusal.tooLarge(size: file.identity.size, limit: limit) }
    return DiskImageHeader(format: .raw, virtualSize: file.identity.size)
  }
}
