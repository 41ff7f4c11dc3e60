public import SystemPackage

/// What the preparation of a base says about itself while it runs.
public enum BaseEvent: Sendable, Equatable {
  /// Another process prepares the same base.
  case waiting(origin: String)
  /// `bytes` of `total` are here; `rate` is in bytes a second, measured since the connection was made.
  case downloading(url: String, bytes: UInt64, total: UInt64?, rate: UInt64)
  /// The connection failed; the download goes on after `seconds`.
  case retrying(url: String, reason: String, seconds: Double)
  /// A local image is copied into the cache.
  case copying(path: FilePath, bytes: UInt64, total: UInt64)
  /// An image is looked through for damage.
  case checking(origin: String)
  /// About the packages of a bootstrap.
  case packages(PackageEvent)
  /// A bootstrap got on by a step: `done` of about `total`.
  case bootstrapping(step: String, done: Int, total: Int)
  /// Something that the operator should know and that stops nothing.
  case note(String)
}
