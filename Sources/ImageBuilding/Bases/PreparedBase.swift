public import Host
public import SystemPackage

/// How a disk image lies in its file.
public enum DiskFormat: String, Sendable, Codable { case raw, qcow2 }

/// A base that is checked, in the cache, and never changed again: what an image may be laid over.
public struct PreparedBase: Sendable, Equatable {
  /// A file in the cache that nobody writes to. Its name is its identity.
  public let path: FilePath
  /// Known from cpbuild's own reading of the header; give it to whatever opens the file, so that nothing probes.
  public let format: DiskFormat
  /// What goes into keys. Of a file or a download: the digest of its bytes. Of a bootstrapped base: the digest of all
  /// that goes into it.
  public let digest: Digest
  /// In bytes.
  public let virtualSize: UInt64
  /// Where it comes from, for a person.
  public let origin: String
}

/// What ``BaseStore/prepare(_:)`` would do.
public struct BasePlan: Sendable, Equatable {
  /// The same as ``PreparedBase/digest`` would be.
  public let digest: Digest
  /// For a person.
  public let origin: String
  /// What it would take.
  public let work: Work

  public enum Work: Sendable, Equatable {
    /// Nothing: it is in the cache.
    case cached(path: FilePath)
    /// A file of this many bytes would be copied into the cache.
    case copy(bytes: UInt64)
    /// A download; `bytes` are those that are still to come, nil where the server doesn't say.
    case download(url: String, bytes: UInt64?)
    /// A bootstrap of these packages, of which `bytes` would have to be downloaded first.
    case bootstrap(packages: [ResolvedPackage], bytes: UInt64)
  }
}
