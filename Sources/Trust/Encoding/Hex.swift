/// Bytes as two hexadecimal digits each.
enum Hex {
  static func upper(_ bytes: some Collection<UInt8>, separator: String = "") -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return byte < 16 ? "0" + digits : digits
    }.joined(separator: separator)
  }

  static func lower(_ bytes: some Collection<UInt8>, separator: String = "") -> String {
    upper(bytes, separator: separator).lowercased()
  }

  /// Nil unless the text is an even number of hexadecimal digits.
  static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}
