import Foundation

extension Optional {
  /// The value, or the error that there is none.
  func orNotFound(_ kind: String, _ id: String) throws -> Wrapped {
    guard let self else { throw StateError.notFound(kind: kind, id: id) }
    return self
  }
}

extension Date {
  /// Seconds since 1970, as the columns hold dates.
  var wholeSeconds: Int64 { Int64(timeIntervalSince1970) }
}
