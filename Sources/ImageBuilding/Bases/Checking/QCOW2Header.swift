/// The header of a qcow2 image, version 2 or 3 (QEMU's docs/interop/qcow2.txt). All numbers are big-endian.
struct QCOW2Header: Equatable {
  let virtualSize: UInt64
  let clusterSize: UInt64
  let l1Offset: UInt64
  let l1Count: Int

  static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]
  /// The header and its extensions end with the first cluster, which has 2 MiB at most.
  static let longest = 2 << 20

  /// Incompatible features, by their bits.
  private enum Feature {
    static let dirty: UInt64 = 1 << 0
    static let corrupt: UInt64 = 1 << 1
    static let externalDataFile: UInt64 = 1 << 2
    static let compressionType: UInt64 = 1 << 3
    static let extendedL2: UInt64 = 1 << 4
    static let known: UInt64 = (1 << 5) - 1
  }

  /// Extensions that matter, by their numbers.
  private enum Extension {
    static let end: UInt32 = 0
    static let backingFormat: UInt32 = 0xE279_2ACA
    static let externalDataFile: UInt32 = 0x4441_5441
    static let encryption: UInt32 = 0x0537_BE77
  }

  /// Reads the header and refuses what isn't a plain, whole image that stands alone.
  ///
  /// - Parameters:
  ///   - bytes: the start of the file: ``longest`` bytes, or all of it.
  ///   - fileSize: of the whole file.
  ///   - limit: of the disk's size.
  /// - Throws: ``ImageRefusal``.
  init(_ bytes: [UInt8], fileSize: UInt64, limit: UInt64) throws(ImageRefusal) {
    func number<Number: FixedWidthInteger>(_ type: Number.Type, _ offset: Int) throws(ImageRefusal) -> Number {
      guard let value = bytes.bigEndian(type, at: offset) else { throw .truncated("its header has no end") }
      return value
    }
    let version = try number(UInt32.self, 4)
    guard version == 2 || version == 3 else { throw .unknownFeature("version \(version) of the format") }
    // First of all, and whatever else is wrong: what would lead to another file.
    guard try number(UInt64.self, 8) == 0, try number(UInt32.self, 16) == 0 else { throw .backingFile }
    let incompatible = version == 3 ? try number(UInt64.self, 72) : 0
    if incompatible & Feature.externalDataFile != 0 { throw .externalDataFile }
    guard try number(UInt32.self, 32) == 0 else { throw .encrypted }
    if incompatible & Feature.corrupt != 0 { throw .markedCorrupt }
    if incompatible & Feature.dirty != 0 { throw .inUse }
    let unknown = incompatible & ~Feature.known
    guard unknown == 0 else { throw .unknownFeature("incompatible feature bits 0x\(String(unknown, radix: 16))") }

    let clusterBits = try number(UInt32.self, 20)
    guard (9...21).contains(clusterBits) else { throw .damaged("clusters of 2^\(clusterBits) bytes") }
    clusterSize = 1 << UInt64(clusterBits)
    virtualSize = try number(UInt64.self, 24)
    guard virtualSize > 0, virtualSize % 512 == 0 else { throw .damaged("a disk of \(virtualSize) bytes") }
    guard virtualSize <= limit else { throw .tooLarge(size: virtualSize, limit: limit) }

    let l1Size = try number(UInt32.self, 36)
    l1Offset = try number(UInt64.self, 40)
    let entrySize: UInt64 = incompatible & Feature.extendedL2 != 0 ? 16 : 8
    let perEntry = clusterSize * (clusterSize / entrySize)
    // QEMU's own bound of a table is 32 MiB (QCOW_MAX_L1_SIZE).
    guard UInt64(l1Size) >= (virtualSize + perEntry - 1) / perEntry, l1Size <= 4 << 20 else {
      throw .damaged("an L1 table of \(l1Size) entries for a disk of \(virtualSize) bytes")
    }
    l1Count = Int(l1Size)
    let place = Place(clusterSize: clusterSize, fileSize: fileSize)
    try place.check("the L1 table", at: l1Offset, size: UInt64(l1Size) * 8)
    let refcountClusters = UInt64(try number(UInt32.self, 56))
    guard refcountClusters > 0, refcountClusters * clusterSize <= 8 << 20 else {
      throw .damaged("a refcount table of \(refcountClusters) clusters")
    }
    try place.check("the refcount table", at: try number(UInt64.self, 48), size: refcountClusters * clusterSize)
    let snapshots = try number(UInt32.self, 60)
    guard snapshots <= 1024 else { throw .damaged("\(snapshots) snapshots") }
    if snapshots > 0 { try place.check("the snapshot table", at: try number(UInt64.self, 64), size: UInt64(snapshots)) }

    var extensions = 72
    if version == 3 {
      guard try number(UInt32.self, 96) <= 6 else { throw .damaged("its refcounts are wider than 64 bits") }
      let length = try number(UInt32.self, 100)
      guard length >= 104, length % 8 == 0, UInt64(length) <= clusterSize else {
        throw .damaged("a header of \(length) bytes")
      }
      extensions = Int(length)
      let compression = length > 104 ? try number(UInt8.self, 104) : 0
      guard compression <= 1, (compression != 0) == (incompatible & Feature.compressionType != 0) else {
        throw .unknownFeature("compression type \(compression)")
      }
    }
    try Self.checkExtensions(bytes, from: extensions, to: Int(clusterSize))
  }

  /// Looks for tables and clusters beyond the end of the file, which is how a broken download shows.
  ///
  /// - Parameter l1: the bytes of the L1 table.
  /// - Throws: ``ImageRefusal``.
  func check(l1: [UInt8], fileSize: UInt64) throws(ImageRefusal) {
    for index in 0..<l1Count {
      guard let entry = l1.bigEndian(UInt64.self, at: index * 8) else { throw .truncated("its L1 table has no end") }
      // Bits 9 to 55 are the offset of an L2 table; 0 stands for none.
      let offset = entry & 0x00FF_FFFF_FFFF_FE00
      if offset != 0 {
        try Place(clusterSize: clusterSize, fileSize: fileSize).check("an L2 table", at: offset, size: clusterSize)
      }
    }
  }

  private static func checkExtensions(_ bytes: [UInt8], from start: Int, to end: Int) throws(ImageRefusal) {
    var offset = start
    while offset + 8 <= end {
      guard let kind = bytes.bigEndian(UInt32.self, at: offset),
        let length = bytes.bigEndian(UInt32.self, at: offset + 4)
      else { throw .truncated("its header extensions have no end") }
      switch kind {
      case Extension.end: return
      case Extension.backingFormat: throw .backingFile
      case Extension.externalDataFile: throw .externalDataFile
      case Extension.encryption: throw .encrypted
      default: break
      }
      guard Int(length) <= end - offset - 8 else { throw .damaged("a header extension of \(length) bytes") }
      offset += 8 + (Int(length) + 7) / 8 * 8
    }
  }

  /// Where something may lie in the file.
  private struct Place {
    let clusterSize: UInt64
    let fileSize: UInt64

    func check(_ what: String, at offset: UInt64, size: UInt64) throws(ImageRefusal) {
      guard offset >= clusterSize, offset % clusterSize == 0 else { throw .damaged("\(what) at byte \(offset)") }
      guard offset < fileSize, size <= fileSize - offset else {
        throw .truncated("\(what) ends at byte \(offset.addingReportingOverflow(size).partialValue) of \(fileSize)")
      }
    }
  }
}
