/// Checks that a raw disk has partitions and all of its bytes (UEFI specification 2.10, chapter 5).
enum PartitionTable {
  /// - Parameters:
  ///   - start: the first bytes of the disk, 8 KiB at least where it has as many.
  ///   - size: of the disk, in bytes.
  /// - Throws: ``ImageRefusal``.
  static func check(_ start: [UInt8], size: UInt64) throws(ImageRefusal) {
    guard start.littleEndian(UInt16.self, at: 510) == 0xAA55 else { throw .noPartitionTable }
    for sector in [512, 4096] where start.count >= sector + 92 && start[sector...].starts(with: "EFI PART".utf8) {
      return try checkGPT(start, sector: sector, size: size)
    }
    try checkMBR(start, size: size)
  }

  private static func checkGPT(_ start: [UInt8], sector: Int, size: UInt64) throws(ImageRefusal) {
    guard let last = start.littleEndian(UInt64.self, at: sector + 32) else {
      throw .damaged("its GPT header has no end")
    }
    // The second copy of the table is in the last sector.
    let (end, overflow) = last.addingReportingOverflow(1)
    guard !overflow, end <= size / UInt64(sector) else {
      throw .truncated("its GPT is for \(last.addingReportingOverflow(1).partialValue) sectors of \(sector) bytes")
    }
  }

  private static func checkMBR(_ start: [UInt8], size: UInt64) throws(ImageRefusal) {
    var partitions = 0
    for index in 0..<4 {
      let entry = 446 + index * 16
      guard let first = start.littleEndian(UInt32.self, at: entry + 8),
        let count = start.littleEndian(UInt32.self, at: entry + 12)
      else { throw .noPartitionTable }
      guard start[entry + 4] != 0, count != 0 else { continue }
      // The boot sector of a filesystem has code where a partition table would have its flags.
      guard start[entry] & 0x7F == 0 else { throw .noPartitionTable }
      partitions += 1
      guard UInt64(first) + UInt64(count) <= size / 512 else {
        throw .truncated("partition \(index + 1) ends at sector \(UInt64(first) + UInt64(count)) of \(size / 512)")
      }
    }
    guard partitions > 0 else { throw .noPartitionTable }
  }
}
