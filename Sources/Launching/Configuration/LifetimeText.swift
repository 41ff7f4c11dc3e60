public import Names
public import Trust

/// How long, as people write it: `30d`, `12h`, `2w`, `1y`.
public enum LifetimeText {
  private static let units: [(name: String, seconds: Int64)] = [
    ("min", 60), ("s", 1), ("h", 3600), ("d", 86_400), ("w", 7 * 86_400), ("y", 365 * 86_400),
  ]

  /// - Throws: `NameError` unless it is a number and a unit, and between a second and a hundred years.
  public static func read(_ text: some StringProtocol) throws(NameError) -> Lifetime {
    func refusal(_ phrase: String) -> NameError {
      NameError(
        kind: "lifetime", text: text, reason: text.isEmpty ? .empty : .form(phrase),
        remedy: "a number with min, h, d, w or y behind it, such as 30d")
    }
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count)
    guard let number = Int64(digits), let factor = units.first(where: { $0.name == unit })?.seconds else {
      throw refusal("it isn't a number and a unit")
    }
    let (seconds, overflow) = number.multipliedReportingOverflow(by: factor)
    guard !overflow, let lifetime = try? Lifetime(seconds: seconds) else {
      throw refusal("it isn't between one second and a hundred years")
    }
    return lifetime
  }
}
