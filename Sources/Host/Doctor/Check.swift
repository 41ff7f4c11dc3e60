/// One thing that cpbuild needs of this machine, and how to find out whether it is there.
public protocol Check: Sendable {
  /// What is looked at, in a few words; unique among a doctor's checks.
  var name: String { get }

  /// Looks, and says what was found. Changes nothing, and never fails: what goes wrong is a finding.
  func examine() async -> Finding
}

/// What a check found.
public struct Finding: Equatable, Sendable {
  /// How good it is, from best to worst.
  public enum Status: String, Sendable, CaseIterable, Encodable {
    /// As it should be.
    case ok
    /// Works, but slowly, or not for everything that cpbuild does.
    case warning
    /// Something that cpbuild can't do without isn't there.
    case failure
  }

  public let status: Status
  /// What is there: a version, a number, or what is wrong.
  public let found: String
  /// What to do about it; nil when all is well.
  public let remedy: String?

  public static func ok(_ found: String) -> Finding { Finding(status: .ok, found: found, remedy: nil) }

  public static func warning(_ found: String, remedy: String) -> Finding {
    Finding(status: .warning, found: found, remedy: remedy)
  }

  public static func failure(_ found: String, remedy: String) -> Finding {
    Finding(status: .failure, found: found, remedy: remedy)
  }
}
