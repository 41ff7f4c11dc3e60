/// The kinds of keys that are made here.
public enum KeyType: String, CaseIterable, Sendable {
  /// ECDSA on NIST P-256: fast, small, and understood by every client. The default.
  case p256
  /// ECDSA on NIST P-384.
  case p384
  /// Ed25519 (RFC 8032, RFC 8410).
  case ed25519
  /// RSA with 3072 bits, about as strong as P-256.
  case rsa3072
  /// RSA with 4096 bits.
  case rsa4096
}

/// What a public key is, whoever made it.
public enum PublicKeyAlgorithm: Hashable, Sendable, CustomStringConvertible {
  case p256
  case p384
  case ed25519
  /// RSA with a modulus of so many bits.
  case rsa(bits: Int)

  public var description: String {
    switch self {
    case .p256: "p256"
    case .p384: "p384"
    case .ed25519: "ed25519"
    case .rsa(let bits): "rsa\(bits)"
    }
  }
}
