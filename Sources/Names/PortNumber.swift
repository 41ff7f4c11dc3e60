/// A UDP or TCP port, 1 to 65535. Port 0 means "any" to the kernel, so it is nothing to tell others.
///
/// Not called `Port`, because Foundation has one.
public struct PortNumber: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
  public let rawValue: UInt16

  /// Nil for 0.
  public init?(rawValue: UInt16) {
    guard rawValue != 0 else { return nil }
    self.rawValue = rawValue
  }

  /// Nil for what isn't 1 to 65535.
  public init?(_ number: Int) {
    guard let value = UInt16(exactly: number) else { return nil }
    self.init(rawValue: value)
  }

  /// Reads decimal digits without sign, spaces or leading zeros.
  ///
  /// - Throws: ``NameError``.
  public init(_ text: some StringProtocol) throws(NameError) {
    guard let number = DecimalNumber.read(text.utf8, most: 65535), let port = PortNumber(number) else {
      throw NameError(
        kind: "port", text: text, reason: text.isEmpty ? .empty : .form("it isn't a number from 1 to 65535"),
        remedy: "a number such as 1194")
    }
    self = port
  }

  private init(known rawValue: UInt16) { self.rawValue = rawValue }

  /// OpenVPN's port as IANA registered it: 1194.
  public static let openVPN = PortNumber(known: 1194)

  /// 20000 to 29999: registered by few, and below the ports that Linux takes for connections by itself (from 32768 on).
  public static let forwarded = PortNumber(known: 20_000)...PortNumber(known: 29_999)

  public var description: String { String(rawValue) }

  public static func < (left: PortNumber, right: PortNumber) -> Bool { left.rawValue < right.rawValue }
}
