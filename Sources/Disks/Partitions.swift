/// Where a disk's partitions begin, in bytes, as its GPT (UEFI specification 2.10, 5.3) or else its MBR says.
package enum Partitions {
  private static let sector: UInt64 = 512

  /// A partition: its number, as the kernel counts, and where it begins.
  package struct Partition: Hashable, Sendable {
    package let number: Int
    package let start: UInt64
  }

  package static func starts(on disk: DiskBytes) throws -> [UInt64] { try all(on: disk).map(\.start) }

  package static func all(on disk: DiskBytes) throws -> [Partition] {
    let header = try disk.read(sector, 92)
    guard header.starts(with: Array("EFI PART".utf8)) else { return try masterBootRecord(disk) }
    let table = header.number64(72).multipliedReportingOverflow(by: sector)
    let count = Int(min(header.number32(80), 256))
    let size = Int(min(header.number32(84), 512))
    guard !table.overflow, size >= 128 else {
      throw Ext4Error.damaged(disk: disk.path, reason: "its partition table makes no sense")
    }
    let entries = try disk.read(table.partialValue, count * size)
    return (0..<count).compactMap { index in
      let entry = entries[(index * size)..<((index + 1) * size)]
      guard entry.prefix(16).contains(where: { $0 != 0 }) else { return nil }
      let start = entry.number64(32).multipliedReportingOverflow(by: sector)
      return start.overflow ? nil : Partition(number: index + 1, start: start.partialValue)
    }
  }

  private static func masterBootRecord(_ disk: DiskBytes) throws -> [Partition] {
    let record = try disk.read(0, 512)
    return (0..<4).compactMap { index in
      let entry = 446 + 16 * index
      let start = UInt64(record.number32(entry + 8)) * sector
      return record[entry + 4] == 0 ? nil : Partition(number: index + 1, start: start)
    }
  }
}
