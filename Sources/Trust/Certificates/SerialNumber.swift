/// A certificate's serial number: positive, at most 20 octets (RFC 5280, §4.1.2.2).
public struct SerialNumber: Hashable, Sendable, CustomStringConvertible {
  /// Big-endian, without leading zeros.
  public let octets: [UInt8]

  /// A new one: 16 octets with 126 random bits. The top two bits are fixed, so that it is positive and always as long.
  /// - Throws: `TrustError.cryptographyFailed`.
  public static func random() throws -> SerialNumber {
    var octets = try [UInt8].random(count: 16)
    octets[0] = octets[0] & 0x3f | 0x40
    return SerialNumber(checked: octets)
  }

  /// From hexadecimal digits in either case, with or without colons.
  /// - Throws: `TrustError.malformed` when it isn't hexadecimal, is zero, or is too long.
  public init(hex: String) throws {
    let digits = hex.filter { $0 != ":" }
    guard digits.utf8.count <= 64, let octets = Hex.decode(digits.count % 2 == 0 ? digits : "0" + digits) else {
      throw TrustError.malformed(.serialNumber, reason: "it is not a hexadecimal number")
    }
    let digitsOnly = Array(octets.drop { $0 == 0 })
    guard !digitsOnly.isEmpty, Self.fits(digitsOnly) else {
      throw TrustError.malformed(.serialNumber, reason: "it is not a positive number of at most 20 octets")
    }
    self.octets = digitsOnly
  }

  private init(checked octets: [UInt8]) { self.octets = octets }

  /// 20 octets hold the sign too.
  private static func fits(_ octets: [UInt8]) -> Bool {
    octets.count < 20 || octets.count == 20 && (octets.first ?? 0) < 0x80
  }

  static func read(from reader: inout DERReader) throws -> SerialNumber {
    let content = try reader.integerContent()
    guard let first = content.first, first < 0x80 else { throw DERError(reason: "its serial number is negative") }
    let octets = Array(content.drop { $0 == 0 })
    guard !octets.isEmpty, fits(octets) else { throw DERError(reason: "its serial number is zero or too long") }
    return SerialNumber(checked: octets)
  }

  /// Upper-case hex, as `openssl x509 -serial` prints it.
  public var description: String { Hex.upper(octets) }

  /// Lower-case hex with colons, as OpenVPN has it in `tls_serial_hex_0`.
  public var colonHex: String { Hex.lower(octets, separator: ":") }
}
