import Foundation

/// What `--json` prints: one document, keys sorted, so that it can be compared.
enum JSONDocument {
  /// `value` in JSON, indented by two, with a newline at its end; dates as ISO 8601 in UTC.
  ///
  /// - Throws: `EncodingError`.
  static func text(of value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }
}
