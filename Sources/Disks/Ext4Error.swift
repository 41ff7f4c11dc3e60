public import SystemPackage

/// Why a filesystem can't be read.
public enum Ext4Error: Error, Equatable, Sendable, CustomStringConvertible {
  case noPartition(disk: FilePath, uuid: String)
  /// It uses a feature of ext4 that this reader doesn't know, as its bit in the superblock.
  case unknownFeature(disk: FilePath, bits: UInt32)
  /// Something in it points outside of it or contradicts itself.
  case damaged(disk: FilePath, reason: String)

  public var description: String {
    switch self {
    case .noPartition(let disk, let uuid):
      "\(disk) has no partition with the ext4 filesystem \(uuid)"
    case .unknownFeature(let disk, let bits):
      "the ext4 filesystem in \(disk) uses features (0x\(String(bits, radix: 16))) that cpbuild can't read"
    case .damaged(let disk, let reason):
      "the filesystem in \(disk) is damaged: \(reason)"
    }
  }
}
