/// A look at how an encrypted private key is encrypted, before any work is done for it.
enum KeyEncryption {
  /// Refuses a key that would cost more than some seconds and 64 MiB to open. The file's own numbers decide that, and a
  /// damaged or hostile one can ask for years.
  /// - Throws: `TrustError.malformed` or `TrustError.keyRefused`.
  static func checkCost(of encryptedPKCS8: [UInt8]) throws {
    let affordable = try parsing(.privateKey) { try isAffordable(encryptedPKCS8) }
    guard affordable else { throw TrustError.keyRefused(reason: "its encryption asks for too much work") }
  }

  /// EncryptedPrivateKeyInfo (RFC 5958, §3) with PBES2-params (RFC 8018, appendix A.4).
  private static func isAffordable(_ bytes: [UInt8]) throws -> Bool {
    var info = try DERReader.document(bytes)
    var algorithm = try info.read(DERTag.sequence).reader
    guard try algorithm.oid() == .pbes2 else { throw TrustError.keyRefused(reason: "it is not encrypted with PBES2") }
    var scheme = try algorithm.read(DERTag.sequence).reader
    var derivation = try scheme.read(DERTag.sequence).reader
    switch try derivation.oid() {
    case .scrypt:
      // RFC 7914, §7.1: salt, N, r, p. N·r·128 bytes of memory, and p times the work.
      var parameters = try derivation.read(DERTag.sequence).reader
      try parameters.read(DERTag.octetString)
      let (n, r, p) = (try parameters.integer(), try parameters.integer(), try parameters.integer())
      return n <= 1 << 16 && r <= 8 && p <= 16
    case .pbkdf2:
      var parameters = try derivation.read(DERTag.sequence).reader
      try parameters.read(DERTag.octetString)
      return try parameters.integer() <= 10_000_000
    default:
      throw TrustError.keyRefused(reason: "its passphrase is stretched with neither scrypt nor PBKDF2")
    }
  }
}
