/// How long something that is issued stays valid: at least a second, at most a hundred years.
public struct Lifetime: Hashable, Sendable {
  /// Whole seconds.
  public let seconds: Int64

  /// - Throws: `TrustError.valueRefused` outside of one second to a hundred years.
  public init(seconds: Int64) throws {
    guard (1...36_525 * 86_400).contains(seconds) else {
      throw TrustError.valueRefused(field: "lifetime", reason: "it is not between one second and a hundred years")
    }
    self.seconds = seconds
  }

  /// - Throws: `TrustError.valueRefused` outside of one day to a hundred years.
  public init(days: Int) throws {
    guard (1...36_525).contains(days) else {
      throw TrustError.valueRefused(field: "lifetime", reason: "it is not between one and 36525 days")
    }
    seconds = Int64(days) * 86_400
  }

  private init(knownDays days: Int64) { seconds = days * 86_400 }

  /// Of the root CA: twenty years.
  public static let root = Lifetime(knownDays: 7305)
  /// Of a project CA: ten years.
  public static let project = Lifetime(knownDays: 3652)
  /// Of a cloudpipe's server certificate: the 825 days that clients of Apple's accept at most.
  public static let server = Lifetime(knownDays: 825)
  /// Of a user's certificate: a year.
  public static let client = Lifetime(knownDays: 365)
  /// Of a CRL: a week. Long enough for a weekend without anybody, short enough that a lost one matters.
  public static let revocationList = Lifetime(knownDays: 7)
}
