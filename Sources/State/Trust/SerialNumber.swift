public import Names

/// The serial number of a certificate, in the one form that makes equal numbers equal: lower-case hex of whole bytes,
/// without leading zero bytes. 1 to 20 bytes (RFC 5280, 4.1.2.2).
public struct SerialNumber: CheckedText {
  public let text: String

  /// Reads hexadecimal digits in either case; an odd number of them and leading zeros are fine.
  public init(_ text: some StringProtocol) throws(NameError) {
    func refusal(_ reason: NameError.Reason) -> NameError {
      NameError(kind: "serial number", text: text, reason: reason, remedy: "1 to 20 bytes in hex, not zero")
    }
    let text = String(text)
    guard !text.isEmpty else { throw refusal(.empty) }
    guard text.utf8.allSatisfy(\.isHexDigit) else { throw refusal(.form("it isn't in hex")) }
    let digits = text.drop { $0 == "0" }.lowercased()
    let bytes = digits.utf8.count.isMultiple(of: 2) ? digits : "0" + digits
    guard !bytes.isEmpty else { throw refusal(.form("it is zero")) }
    guard bytes.utf8.count <= 40 else {
      throw refusal(.tooLong(length: bytes.utf8.count / 2, limit: 20, unit: "bytes"))
    }
    self.text = bytes
  }

  /// The number whose bytes, highest first, these are.
  public init(bytes: some Sequence<UInt8>) throws(NameError) {
    let hex = bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    try self.init(hex)
  }
}

extension UInt8 {
  /// Whether this is a hexadecimal digit in ASCII, of either case.
  fileprivate var isHexDigit: Bool {
    // Bit 5 tells lower case from upper case.
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20)
  }
}
