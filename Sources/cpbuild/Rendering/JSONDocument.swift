import Foundation

/// What `--json` prints: one document, keys sorted, so that it can be compared.
enum JSONDocument {
  /// `value` in JSON and UTF-8, indented by two, with a newline at its end; dates as ISO 8601 in UTC.
  ///
  /// - Throws: `EncodingError`.
  static func data(of value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return try encoder.encode(value) + [UInt8(ascii: "\n")]
  }
}
