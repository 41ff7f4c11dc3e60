public import Foundation
public import Names
public import Trust

/// When something ends, as people write it: after a time such as `30d`, or with a day in UTC such as `2027-03-31`.
public enum ExpiryText {
  /// - Returns: how long from `now` on.
  /// - Throws: `NameError`, for a day that is over too.
  public static func read(_ text: String, now: Date) throws(NameError) -> Lifetime {
    guard text.contains("-") else { return try LifetimeText.read(text) }
    func refusal(_ phrase: String) -> NameError {
      NameError(
        kind: "expiry", text: text, reason: .form(phrase),
        remedy: "a time such as 30d, or a day to come such as 2027-03-31")
    }
    guard let start = day(text) else { throw refusal("it is no day of the calendar") }
    let left = start.timeIntervalSince(now) + 86_400
    guard left >= 1 else { throw refusal("the day is over") }
    guard let lifetime = try? Lifetime(seconds: Int64(left)) else {
      throw refusal("it is more than a hundred years from now")
    }
    return lifetime
  }

  /// When the day begins in UTC; nil for what isn't `YYYY-MM-DD`, or is no day, as the 30th of February.
  private static func day(_ text: String) -> Date? {
    guard let match = text.wholeMatch(of: /([0-9]{4})-([0-9]{2})-([0-9]{2})/), let year = Int(match.1),
      let month = Int(match.2), let day = Int(match.3), let utc = TimeZone(secondsFromGMT: 0)
    else { return nil }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = utc
    let parts = DateComponents(calendar: calendar, timeZone: utc, year: year, month: month, day: day)
    return parts.isValidDate(in: calendar) ? calendar.date(from: parts) : nil
  }
}
