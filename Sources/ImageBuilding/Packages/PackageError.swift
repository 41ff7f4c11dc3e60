public import SystemPackage

/// What can go wrong with packages; every case names what it is about and says what to do.
public enum PackageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// dpkg's status file makes no sense.
  case badStatus(reason: String)
  /// A file of the guest is bigger than `limit` bytes, or there are more of them than that.
  case tooMuch(path: String, limit: Int)
  /// Not one apt source of the guest can be used; `skipped` says why, one line each.
  case noSources(skipped: [String])
  /// apt's settings can't hold the path of this cache.
  case badCacheFolder(FilePath)
  /// No source has a package of this name; `nearest` are names that look like it.
  case unknownPackage(String, nearest: [String], skippedSources: [String])
  /// A name that stands for several packages; `explanation` is apt's list of them.
  case ambiguousPackage(String, explanation: String)
  /// The packages don't go together with what is installed; `explanation` is apt's own.
  case conflict(explanation: String)
  /// Installing would remove these.
  case wouldRemove([String])
  /// A source isn't signed with a key that the guest trusts for it.
  case untrusted(explanation: String)
  /// A source says of itself that it is out of date.
  case releaseExpired(explanation: String)
  /// A source comes from the future, or this machine's clock is behind.
  case clockBehind(explanation: String)
  /// A mirror lacks something that its index names.
  case notOnMirror(explanation: String)
  /// What came isn't what the index promised.
  case digestMismatch(explanation: String)
  /// A source can't be reached.
  case unreachable(explanation: String)
  /// Offline, and there is no index of these sources in the cache.
  case offlineWithoutIndex(sources: [String])
  /// Offline, and these packages aren't in the cache.
  case offlineWithoutPackages([String])
  /// The disk under the cache is full.
  case diskFull(FilePath)
  /// apt failed in another way.
  case aptFailed(explanation: String)
  /// A file isn't a Debian package, or is broken.
  case badPackage(path: FilePath, reason: String)

  public var description: String {
    switch self {
    case .badStatus(let reason):
      return "the package database of the base (/var/lib/dpkg/status) is broken: \(reason); use another base"
    case .tooMuch(let path, let limit):
      return "\(path) in the base is beyond the limit of \(limit): remove what isn't needed there, or use another base"
    case .noSources(let skipped):
      return "the base has no apt source that can be used\(Self.list(skipped)); give it one in /etc/apt/sources.list.d"
    case .badCacheFolder(let path):
      return "apt can't work in \(path): choose a cache folder without blanks, quotes and special characters"
    case .unknownPackage(let name, let nearest, let skipped):
      let hint = nearest.isEmpty ? "check its name in the recipe" : "did you mean \(nearest.joined(separator: ", "))?"
      return "no apt source of the base has a package named \(name); \(hint)\(Self.list(skipped))"
    case .ambiguousPackage(let name, let explanation):
      return "\(name) isn't a package but stands for several; name one of them in the recipe:\n\(explanation)"
    case .conflict(let explanation):
      return "the packages don't go together with what the base has installed:\n\(explanation)"
    case .wouldRemove(let names):
      return "installing the packages would remove \(names.joined(separator: ", ")) from the base; "
        + "leave out the package that conflicts, or use another base"
    case .untrusted(let explanation):
      return "an apt source isn't signed with a key that the base trusts; "
        + "put its key into the base and name it with Signed-By:\n\(explanation)"
    case .releaseExpired(let explanation):
      return "an apt source is out of date; use a mirror that is kept up to date, or set this machine's clock, "
        + "or build from the cache with --offline:\n\(explanation)"
    case .clockBehind(let explanation):
      return "an apt source comes from the future; set this machine's clock:\n\(explanation)"
    case .notOnMirror(let explanation):
      return
        "a mirror lacks a file that its index names; run again with --refresh, or use another mirror:\n\(explanation)"
    case .digestMismatch(let explanation):
      return "a download isn't what the signed index promises, and was thrown away; "
        + "run again later or use another mirror:\n\(explanation)"
    case .unreachable(let explanation):
      return "an apt source can't be reached; check the network and proxy, "
        + "or build from what the cache has with --offline:\n\(explanation)"
    case .offlineWithoutIndex(let sources):
      return "--offline, and the cache has no package index of \(sources.joined(separator: ", ")); "
        + "run once without --offline"
    case .offlineWithoutPackages(let names):
      return "--offline, and the cache lacks \(names.joined(separator: ", ")); run once without --offline"
    case .diskFull(let path):
      return "the disk under \(path) is full; free some space there, or run 'cpbuild image prune'"
    case .aptFailed(let explanation):
      return "apt failed:\n\(explanation)"
    case .badPackage(let path, let reason):
      return "\(path) isn't a Debian package that can be used: \(reason); remove it and run again"
    }
  }

  private static func list(_ lines: [String]) -> String {
    lines.isEmpty ? "" : "\n" + lines.map { "  skipped: \($0)" }.joined(separator: "\n")
  }
}
