/// An IPv4 address.
public struct IPv4Address: CheckedText {
  /// In host byte order: 10.0.0.1 is `0x0a000001`.
  public let bits: UInt32

  public init(bits: UInt32) { self.bits = bits }

  /// Reads dotted decimal of four parts, without leading zeros (which some programs take for octal), spaces or a port.
  public init(_ text: some StringProtocol) throws(NameError) {
    guard let bits = Self.bits(of: String(text)) else {
      throw NameError(
        kind: "IPv4 address", text: text, reason: text.isEmpty ? .empty : .form("it isn't four numbers from 0 to 255"),
        remedy: "a form such as 10.0.0.2, without leading zeros")
    }
    self.bits = bits
  }

  public var text: String {
    "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
  }

  public static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.bits < right.bits }

  /// The address `count` after this one; nil beyond either end of the address space.
  public func advanced(by count: Int) -> IPv4Address? {
    let (sum, overflow) = Int(bits).addingReportingOverflow(count)
    return overflow ? nil : UInt32(exactly: sum).map(IPv4Address.init(bits:))
  }

  private static func bits(of text: String) -> UInt32? {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      guard let value = DecimalNumber.read(part, most: 255) else { return nil }
      bits = bits << 8 | UInt32(value)
    }
    return bits
  }
}
