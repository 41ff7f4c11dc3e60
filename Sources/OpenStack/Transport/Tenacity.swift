/// How often something is tried, and how long is waited in between: exponentially longer, with full jitter, so that many
/// clients who failed together don't come back together.
public struct Tenacity: Sendable {
  public var tries: Int
  /// The longest wait before the second try; it doubles with each.
  public var first: Duration
  /// The longest wait of all.
  public var longest: Duration

  public init(tries: Int = 5, first: Duration = .milliseconds(500), longest: Duration = .seconds(15)) {
    self.tries = max(1, tries)
    self.first = first
    self.longest = longest
  }

  /// How long to wait after `failures` failed tries.
  ///
  /// - Parameter asked: what the service asked for (Retry-After, RFC 9110 section 10.2.3), in seconds.
  func wait(after failures: Int, asked: Int? = nil) -> Duration {
    if let asked, asked > 0 { return min(.seconds(asked), longest * 4) }
    let ceiling = min(first * (1 << min(max(failures - 1, 0), 16)), longest)
    return ceiling * Double.random(in: 0...1)
  }
}
