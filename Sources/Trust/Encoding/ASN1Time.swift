import Foundation

/// A moment as certificates and CRLs hold it: whole seconds, UTC, years 1950 to 9999.
struct ASN1Time: Hashable, Comparable, Sendable {
  /// Seconds since 1970-01-01T00:00:00Z.
  let seconds: Int64

  private static let range: ClosedRange<Int64> = -631_152_000...253_402_300_799
  /// From 2050 on, GeneralizedTime has to be used (RFC 5280, §4.1.2.5).
  private static let firstGeneralized: Int64 = 2_524_608_000

  init(seconds: Int64) throws {
    guard Self.range.contains(seconds) else {
      throw TrustError.valueRefused(field: "time", reason: "it lies outside of the years 1950 to 9999")
    }
    self.seconds = seconds
  }

  /// The second that `date` lies in.
  init(_ date: Date) throws {
    guard let seconds = Int64(exactly: date.timeIntervalSince1970.rounded(.down)) else {
      throw TrustError.valueRefused(field: "time", reason: "it is no moment")
    }
    try self.init(seconds: seconds)
  }

  var date: Date { Date(timeIntervalSince1970: Double(seconds)) }

  static func < (a: ASN1Time, b: ASN1Time) -> Bool { a.seconds < b.seconds }
}

extension ASN1Time {
  /// UTCTime `YYMMDDHHMMSSZ` through 2049, GeneralizedTime `YYYYMMDDHHMMSSZ` after (RFC 5280, §4.1.2.5).
  func write(to writer: inout DERWriter) {
    let short = seconds < Self.firstGeneralized
    writer.value(short ? DERTag.utcTime : DERTag.generalizedTime, digits.dropFirst(short ? 2 : 0))
  }

  /// Reads either form.
  static func read(from reader: inout DERReader) throws -> ASN1Time {
    let value = try reader.next()
    switch value.tag {
    case DERTag.utcTime: return try ASN1Time(digits: value.content, yearDigits: 2)
    case DERTag.generalizedTime: return try ASN1Time(digits: value.content, yearDigits: 4)
    default: throw DERError(reason: "tag \(value.tag) stands where a time belongs")
    }
  }

  /// Whether the next value is a time at all.
  static func isNext(in reader: DERReader) -> Bool {
    reader.nextTag == DERTag.utcTime || reader.nextTag == DERTag.generalizedTime
  }

  /// `YYYYMMDDHHMMSSZ`.
  private var digits: [UInt8] {
    let day = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
    let time = seconds - day * 86400
    let (year, month, dayOfMonth) = Self.civil(day: day)
    let numbers = [(year, 4), (month, 2), (dayOfMonth, 2), (time / 3600, 2), (time / 60 % 60, 2), (time % 60, 2)]
    var text: [UInt8] = []
    text.reserveCapacity(15)
    for (number, width) in numbers {
      var divisor: Int64 = width == 4 ? 1000 : 10
      while divisor > 0 {
        text.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
        divisor /= 10
      }
    }
    text.append(UInt8(ascii: "Z"))
    return text
  }

  private init(digits content: ArraySlice<UInt8>, yearDigits: Int) throws {
    let bad = DERError(reason: "a time is not in the form that RFC 5280 asks for")
    guard content.count == yearDigits + 11, content.last == UInt8(ascii: "Z") else { throw bad }
    var rest = content.dropLast()
    guard rest.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { throw bad }
    func number(_ count: Int) -> Int64 {
      let value = rest.prefix(count).reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
      rest = rest.dropFirst(count)
      return value
    }
    var year = number(yearDigits)
    if yearDigits == 2 { year += year < 50 ? 2000 : 1900 }
    let (month, day, hour, minute, second) = (number(2), number(2), number(2), number(2), number(2))
    let days = Self.day(year, month, day)
    guard (1...12).contains(month), hour < 24, minute < 60, second < 60, Self.civil(day: days) == (year, month, day)
    else { throw bad }
    do {
      try self.init(seconds: days * 86400 + hour * 3600 + minute * 60 + second)
    } catch {
      throw bad
    }
  }

  // The proleptic Gregorian calendar by eras of 400 years that begin in March, so that the leap day comes last:
  // https://howardhinnant.github.io/date_algorithms.html
  private static func civil(day: Int64) -> (Int64, Int64, Int64) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  private static func day(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
