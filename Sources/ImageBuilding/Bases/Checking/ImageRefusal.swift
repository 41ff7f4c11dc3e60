/// Why a file can't be a base.
public enum ImageRefusal: Error, Equatable, Sendable {
  /// Nothing is in it.
  case empty
  /// It is something else.
  case foreign(ForeignFormat)
  /// Neither qcow2 nor a disk with partitions.
  case noPartitionTable
  /// Its end is missing.
  case truncated(String)
  /// It contradicts itself.
  case damaged(String)
  /// It needs another image, whose path it names.
  case backingFile
  /// Its content is in another file, whose path it names.
  case externalDataFile
  case encrypted
  /// It wasn't closed by whoever wrote it last.
  case inUse
  /// Its writer found it damaged.
  case markedCorrupt
  /// It needs something that cpbuild doesn't know.
  case unknownFeature(String)
  /// Its disk has `size` bytes.
  case tooLarge(size: UInt64, limit: UInt64)

  /// What is wrong, in the middle of a sentence.
  public var reason: String {
    switch self {
    case .empty: "the file is empty"
    case .foreign(let format): "it is \(format.name)"
    case .noPartitionTable: "it is neither a qcow2 image nor a raw disk with an MBR or GPT partition table"
    case .truncated(let what): "it is cut short: \(what)"
    case .damaged(let what): "it is damaged: \(what)"
    case .backingFile: "it names a backing file, through which it could read any file of this machine"
    case .externalDataFile: "it names an external data file, through which it could read any file of this machine"
    case .encrypted: "it is encrypted"
    case .inUse: "it is marked as in use: whatever wrote it last didn't close it"
    case .markedCorrupt: "it is marked as corrupt"
    case .unknownFeature(let what): "it needs a feature that isn't known here: \(what)"
    case .tooLarge(let size, let limit): "its disk has \(size) bytes and the limit is \(limit)"
    }
  }

  /// What to do about it.
  public var remedy: String {
    switch self {
    case .empty, .truncated, .damaged: "get it again from where it came from"
    case .foreign(let format): format.remedy
    case .noPartitionTable: "give a whole disk, as clouds boot it, and not a single filesystem"
    case .backingFile, .externalDataFile, .unknownFeature:
      "where you trust it, flatten it with 'qemu-img convert -O qcow2 OLD NEW' and use the new one"
    case .encrypted: "decrypt it with 'qemu-img convert' and use what comes out"
    case .inUse, .markedCorrupt: "stop what uses it and repair it with 'qemu-img check -r all'"
    case .tooLarge: "shrink it, or take a smaller image"
    }
  }
}
