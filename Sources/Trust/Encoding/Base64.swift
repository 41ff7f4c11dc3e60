/// Base64 (RFC 4648, §4) written for buffers, so that a private key never passes through a `String` or a buffer that
/// grows and leaves copies behind.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The value of each ASCII character, or 255.
  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()

  /// Padded text, without line breaks.
  static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var group: UInt32 = 0
    var filled = 0
    for byte in bytes {
      group = group << 8 | UInt32(byte)
      filled += 1
      if filled == 3 {
        append(group, digits: 4, to: &text)
        group = 0
        filled = 0
      }
    }
    if filled > 0 {
      append(group << UInt32(8 * (3 - filled)), digits: filled + 1, to: &text)
      text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - filled))
    }
    return text
  }

  private static func append(_ group: UInt32, digits: Int, to text: inout [UInt8]) {
    for digit in 0..<digits { text.append(alphabet[Int(group >> UInt32(18 - 6 * digit) & 63)]) }
  }

  /// Decodes padded text without white space. Nil for anything else, and for padding bits that aren't zero (two texts
  /// for the same bytes).
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
    let digits = text.dropLast(padding)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var group: UInt32 = 0
    var bits: UInt32 = 0
    for character in digits {
      let value = values[Int(character)]
      guard value != 255 else { return nil }
      group = group << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: group >> bits))
        group &= 1 << bits - 1
      }
    }
    return group == 0 ? bytes : nil
  }
}
