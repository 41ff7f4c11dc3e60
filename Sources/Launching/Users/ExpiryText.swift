public import Foundation
public import Names
public import Trust

/// When a certificate that is going to be issued ends.
public enum Expiry: Hashable, Sendable {
  case after(Lifetime)
  /// The last moment of it, whenever it is issued.
  case at(Date)

  /// How long from `now` on, in whole seconds.
  ///
  /// - Throws: `TrustError` when that moment has passed.
  func lifetime(from now: Date) throws -> Lifetime {
    switch self {
    case .after(let lifetime): lifetime
    case .at(let end): try Lifetime(seconds: Int64(end.timeIntervalSince(now)))
    }
  }
}

/// When something ends, as people write it: after a time such as `30d`, or with a day in UTC such as `2027-03-31`.
public enum ExpiryText {
  /// - Returns: of a day, its last second.
  /// - Throws: `NameError`, for a day that is over at `now` too.
  public static func read(_ text: String, now: Date) throws(NameError) -> Expiry {
    guard text.contains("-") else { return .after(try LifetimeText.read(text)) }
    func refusal(_ phrase: String) -> NameError {
      NameError(
        kind: "expiry", text: text, reason: .form(phrase),
        remedy: "a time such as 30d, or a day to come such as 2027-03-31")
    }
    guard let start = day(text) else { throw refusal("it is no day of the calendar") }
    let end = start + 86_399
    guard end.timeIntervalSince(now) >= 1 else { throw refusal("the day is over") }
    guard (try? Expiry.at(end).lifetime(from: now)) != nil else {
      throw refusal("it is more than a hundred years from now")
    }
    return .at(end)
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
