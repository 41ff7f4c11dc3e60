import COpenSSL

/// A public key of an accepted kind: P-256, P-384, Ed25519, or RSA of 2048 to 8192 bits with an ordinary exponent.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  /// The key's kind and size.
  public let algorithm: PublicKeyAlgorithm
  /// The DER of its SubjectPublicKeyInfo (RFC 5280, §4.1.2.7).
  public let spki: [UInt8]
  /// The BIT STRING inside of `spki`: the point, the raw key, or the RSA modulus and exponent.
  let content: [UInt8]

  /// Reads and checks a SubjectPublicKeyInfo.
  /// - Throws: `TrustError.malformed` or `TrustError.keyRefused`.
  public init(spki: [UInt8]) throws {
    (algorithm, content) = try parsing(.publicKey) { try Self.inspect(spki) }
    self.spki = spki
    // libcrypto checks what needs arithmetic: that a point lies on its curve. What it writes back must be what was
    // read, so that nothing rides along in an encoding that only some readers understand.
    let key = try loaded()
    defer { cossl_key_free(key) }
    let canonical = try withAllocated("encode a public key", by: { cossl_key_to_spki(key, $0) }, { Array($0) })
    guard canonical == spki else { throw TrustError.keyRefused(reason: "it is not encoded in the usual form") }
  }

  /// The public half of a key that libcrypto holds.
  init(of key: OpaquePointer) throws {
    try self.init(trusted: withAllocated("encode a public key", by: { cossl_key_to_spki(key, $0) }, { Array($0) }))
  }

  /// The public half of a key that was made as this type; nil for RSA. libcrypto 3.0 takes five times as long to encode a
  /// point as to give it away.
  init?(of key: OpaquePointer, _ type: KeyType) throws {
    let curve: OID
    switch type {
    case .p256: (algorithm, curve) = (.p256, .prime256v1)
    case .p384: (algorithm, curve) = (.p384, .secp384r1)
    case .ed25519: (algorithm, curve) = (.ed25519, .ed25519)
    case .rsa3072, .rsa4096: return nil
    }
    let point = try withAllocated("read a public key", by: { cossl_key_point(key, $0) }, { Array($0) })
    content = point
    spki = DERWriter.encode(capacity: 128) { writer in
      writer.sequence { writer in
        writer.sequence { writer in
          if type != .ed25519 { writer.oid(.ecPublicKey) }
          writer.oid(curve)
        }
        writer.bitString(point)
      }
    }
  }

  /// One that was checked when it was made or certified: nothing is asked of libcrypto.
  init(trusted spki: [UInt8]) throws {
    (algorithm, content) = try parsing(.publicKey) { try Self.inspect(spki) }
    self.spki = spki
  }

  public var description: String { "public key (\(algorithm))" }

  /// Whether `signature` over `bytes` was made with the private half of this key.
  func verifies(_ signature: some Collection<UInt8>, over bytes: some Collection<UInt8>, by scheme: SignatureScheme)
    throws -> Bool
  {
    guard scheme.suits(algorithm) else { return false }
    let key = try loaded()
    defer { cossl_key_free(key) }
    let (message, signature) = (Array(bytes), Array(signature))
    let ok = cossl_key_verify(key, scheme.digestBits, message, message.count, signature, signature.count) == 1
    // A wrong signature leaves its reasons behind.
    if !ok { drainedReasons() }
    return ok
  }

  /// The key as libcrypto holds it; the caller releases it.
  private func loaded() throws -> OpaquePointer {
    guard let key = cossl_key_from_spki(spki, spki.count) else {
      throw TrustError.malformed(.publicKey, reason: drainedReasons())
    }
    return key
  }
}

extension PublicKey {
  private static func inspect(_ spki: [UInt8]) throws -> (PublicKeyAlgorithm, [UInt8]) {
    var outer = try DERReader.document(spki)
    var identifier = try outer.read(DERTag.sequence).reader
    let content = Array(try outer.bitString())
    try outer.end()
    let algorithm: PublicKeyAlgorithm
    switch try identifier.oid() {
    case .ecPublicKey:
      // Explicit curve parameters, which let an attacker choose the generator (CVE-2020-0601), are a SEQUENCE here.
      guard identifier.nextTag == DERTag.oid else { throw TrustError.keyRefused(reason: "its curve has no name") }
      algorithm = try curve(try identifier.oid(), point: content)
    case .ed25519:
      guard content.count == 32 else { throw DERError(reason: "an Ed25519 key has not 32 bytes") }
      algorithm = .ed25519
    case .rsaEncryption:
      try identifier.read(DERTag.null)
      algorithm = try rsa(content)
    default:
      throw TrustError.keyRefused(reason: "its algorithm is none of those accepted")
    }
    try identifier.end()
    return (algorithm, content)
  }

  private static func curve(_ oid: OID, point: [UInt8]) throws -> PublicKeyAlgorithm {
    let (algorithm, size): (PublicKeyAlgorithm, Int)
    switch oid {
    case .prime256v1: (algorithm, size) = (.p256, 65)
    case .secp384r1: (algorithm, size) = (.p384, 97)
    default: throw TrustError.keyRefused(reason: "its curve is neither P-256 nor P-384")
    }
    guard point.first == 0x04, point.count == size else { throw DERError(reason: "the point is not uncompressed") }
    return algorithm
  }

  private static func rsa(_ content: [UInt8]) throws -> PublicKeyAlgorithm {
    var numbers = try DERReader.document(content)
    let modulus = try numbers.integerContent().drop { $0 == 0 }
    let exponent = try numbers.integer()
    try numbers.end()
    let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
    guard (2048...8192).contains(bits) else { throw TrustError.keyRefused(reason: "it is RSA of \(bits) bits") }
    // Small exponents make old signature forgeries possible, huge ones make every check slow (FIPS 186-5, A.1.1).
    guard exponent >= 65537, exponent < 1 << 32, exponent % 2 == 1 else {
      throw TrustError.keyRefused(reason: "its RSA exponent is not an odd number from 65537 to 2³²")
    }
    return .rsa(bits: bits)
  }
}
