/// An ASN.1 object identifier, kept as its encoded content.
struct OID: Hashable, Sendable {
  let content: [UInt8]

  init(content: [UInt8]) { self.content = content }

  /// From its arcs, such as `OID(2, 5, 4, 3)`; only used with the constants below.
  private init(_ first: UInt, _ second: UInt, _ arcs: UInt...) {
    content = [UInt8(first * 40 + second)] + arcs.flatMap(Self.base128)
  }

  private static func base128(_ arc: UInt) -> [UInt8] {
    var octets = [UInt8(arc & 0x7f)]
    var rest = arc >> 7
    while rest > 0 {
      octets.insert(UInt8(rest & 0x7f) | 0x80, at: 0)
      rest >>= 7
    }
    return octets
  }
}

extension OID {
  // Attributes of names (RFC 5280, appendix A.1).
  static let commonName = OID(2, 5, 4, 3)
  static let organization = OID(2, 5, 4, 10)
  static let organizationalUnit = OID(2, 5, 4, 11)

  // Extensions (RFC 5280, §4.2 and §5.2).
  static let subjectKeyIdentifier = OID(2, 5, 29, 14)
  static let keyUsage = OID(2, 5, 29, 15)
  static let subjectAlternativeName = OID(2, 5, 29, 17)
  static let basicConstraints = OID(2, 5, 29, 19)
  static let crlNumber = OID(2, 5, 29, 20)
  static let reasonCode = OID(2, 5, 29, 21)
  static let crlDistributionPoints = OID(2, 5, 29, 31)
  static let authorityKeyIdentifier = OID(2, 5, 29, 35)
  static let extendedKeyUsage = OID(2, 5, 29, 37)
  static let serverAuthentication = OID(1, 3, 6, 1, 5, 5, 7, 3, 1)
  static let clientAuthentication = OID(1, 3, 6, 1, 5, 5, 7, 3, 2)

  // Public keys (RFC 3279, RFC 5480, RFC 8410).
  static let rsaEncryption = OID(1, 2, 840, 113549, 1, 1, 1)
  static let ecPublicKey = OID(1, 2, 840, 10045, 2, 1)
  static let prime256v1 = OID(1, 2, 840, 10045, 3, 1, 7)
  static let secp384r1 = OID(1, 3, 132, 0, 34)
  static let ed25519 = OID(1, 3, 101, 112)

  // Signatures (RFC 4055, RFC 5758).
  static let sha256WithRSA = OID(1, 2, 840, 113549, 1, 1, 11)
  static let sha384WithRSA = OID(1, 2, 840, 113549, 1, 1, 12)
  static let sha512WithRSA = OID(1, 2, 840, 113549, 1, 1, 13)
  static let ecdsaWithSHA256 = OID(1, 2, 840, 10045, 4, 3, 2)
  static let ecdsaWithSHA384 = OID(1, 2, 840, 10045, 4, 3, 3)
  static let ecdsaWithSHA512 = OID(1, 2, 840, 10045, 4, 3, 4)

  // Encryption of private keys (RFC 8018, RFC 7914).
  static let pbes2 = OID(1, 2, 840, 113549, 1, 5, 13)
  static let pbkdf2 = OID(1, 2, 840, 113549, 1, 5, 12)
  static let scrypt = OID(1, 3, 6, 1, 4, 1, 11591, 4, 11)
}
