public import Host

/// One package that a build installs: exactly one file, known by its digest.
public struct ResolvedPackage: Hashable, Codable, Sendable {
  public let name: String
  public let version: String
  /// "all" for what runs anywhere.
  public let architecture: String
  /// SHA-256.
  public let digest: Digest
  /// Of the .deb, in bytes.
  public let size: UInt64
  /// On disk once it is unpacked, in bytes, as its maker estimated it.
  public let installedSize: UInt64?
  /// The version that it replaces in the guest.
  public let replaces: String?
  /// Where it comes from, such as "Debian:12.11/stable".
  public let origin: String

  /// The name of its .deb, as apt names it: an epoch's colon is written "%3a".
  public var fileName: String {
    let escaped = version.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "%3a")
    return "\(name)_\(escaped)_\(architecture).deb"
  }
}

/// What a build installs, in which order.
public struct Resolution: Hashable, Codable, Sendable {
  /// In the order in which they are unpacked.
  public let packages: [ResolvedPackage]
  /// apt's order of work.
  public let steps: [Step]
  /// What was asked for: the packages that have to be installed in the end. A virtual package is here by the name of
  /// the one that provides it.
  public let wanted: [String]
  /// Sources of the guest that were left out, and why.
  public let skippedSources: [String]

  /// One call of dpkg.
  public struct Step: Hashable, Codable, Sendable {
    public enum Action: String, Codable, Sendable { case unpack, configure }
    public let action: Action
    /// As dpkg knows them: with ":architecture" where that isn't the guest's own.
    public let packages: [String]
  }

  /// To download when nothing is in the cache, in bytes.
  public var size: UInt64 { packages.reduce(0) { $0 + $1.size } }
  /// On disk, in bytes.
  public var installedSize: UInt64 { packages.reduce(0) { $0 + ($1.installedSize ?? 0) } }

  /// The same for the same packages in the same order, whatever they were fetched from.
  public var digest: Digest {
    var hasher = Digest.Hasher()
    for package in packages { hasher.update("\(package.fileName) \(package.digest.hex)\n") }
    for step in steps { hasher.update("\(step.action.rawValue) \(step.packages.joined(separator: " "))\n") }
    hasher.update("wanted \(wanted.joined(separator: " "))\n")
    return hasher.finish()
  }
}

/// What is going on, for whoever waits for it.
public enum PackageEvent: Equatable, Sendable {
  /// Another process works on the same index or downloads.
  case waiting
  /// The package index is being fetched.
  case refreshing
  /// apt looks for the packages that are needed.
  case resolving
  /// Packages are being fetched: `percent` of `bytes` so far.
  case downloading(percent: Double, bytes: UInt64)
  /// A file in the cache wasn't what it should be and was thrown away.
  case discarded(fileName: String)
}
