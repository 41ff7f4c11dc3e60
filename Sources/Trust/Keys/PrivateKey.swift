import COpenSSL

/// A private key with its public half. libcrypto holds it and zeroes it when the last reference goes; it never shows
/// itself. Signing from several threads at once is fine.
public final class PrivateKey: Sendable, CustomStringConvertible, CustomReflectable {
  /// The public half.
  public let publicKey: PublicKey

  // libcrypto counts references atomically and never changes a key that only signs.
  private nonisolated(unsafe) let key: OpaquePointer

  /// Takes over `key`, which is released even when this throws. `type` is its kind where that is known.
  private init(owning key: OpaquePointer, _ type: KeyType? = nil) throws {
    do {
      publicKey = try type.flatMap { try PublicKey(of: key, $0) } ?? PublicKey(of: key)
    } catch {
      cossl_key_free(key)
      throw error
    }
    self.key = key
  }

  deinit { cossl_key_free(key) }

  /// Makes a key from libcrypto's randomness.
  /// - Throws: `TrustError.cryptographyFailed`.
  public static func generate(_ type: KeyType = .p256) throws -> PrivateKey {
    let made =
      switch type {
      case .p256: cossl_key_generate_ec("P-256")
      case .p384: cossl_key_generate_ec("P-384")
      case .ed25519: cossl_key_generate_ed25519()
      case .rsa3072: cossl_key_generate_rsa(3072)
      case .rsa4096: cossl_key_generate_rsa(4096)
      }
    guard let key = made else { throw cryptoFailure("make a \(type.rawValue) key") }
    return try PrivateKey(owning: key, type)
  }

  public var description: String { "private key (\(publicKey.algorithm))" }
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// The scheme that this key signs with.
  var scheme: SignatureScheme { SignatureScheme(for: publicKey.algorithm) }

  func sign(_ bytes: [UInt8]) throws -> [UInt8] {
    try withAllocated(
      "sign", by: { cossl_key_sign(key, scheme.digestBits, bytes, bytes.count, $0) }, { Array($0) })
  }

  /// Lends the key as libcrypto holds it.
  func withKey<Result>(_ body: (OpaquePointer) throws -> Result) rethrows -> Result { try body(key) }
}

extension PrivateKey {
  private static let plainLabel = "PRIVATE KEY"
  private static let encryptedLabel = "ENCRYPTED PRIVATE KEY"

  /// The key as unencrypted PKCS#8 PEM (RFC 5208, RFC 7468).
  /// - Throws: `TrustError.cryptographyFailed`.
  public func pem() throws -> Secret {
    switch publicKey.algorithm {
    case .p256: try PrivateKeyInfo.ellipticCurve(key, publicKey, width: 32) { PEM.secret(Self.plainLabel, $0) }
    case .p384: try PrivateKeyInfo.ellipticCurve(key, publicKey, width: 48) { PEM.secret(Self.plainLabel, $0) }
    case .ed25519: try PrivateKeyInfo.ed25519(key) { PEM.secret(Self.plainLabel, $0) }
    case .rsa:
      try withAllocated(
        "encode a private key", by: { cossl_key_to_pkcs8(key, $0) }, { PEM.secret(Self.plainLabel, $0) })
    }
  }

  /// The key as PKCS#8 PEM encrypted with PBES2: scrypt with N = 2¹⁴, r = 8, p = 5 (one of the equivalent settings that
  /// OWASP's password storage recommendations give; 16 MiB, which stays under OpenSSL's limit for reading it back), and
  /// AES-256-CBC.
  /// - Throws: `TrustError.cryptographyFailed`.
  public func pem(encryptedWith passphrase: Passphrase) throws -> Secret {
    try passphrase.secret.withUnsafeBytes { phrase in
      try withAllocated(
        "encrypt a private key",
        by: { cossl_key_to_encrypted_pkcs8(key, phrase.baseAddress, phrase.count, 1 << 14, 5, $0) },
        { PEM.secret(Self.encryptedLabel, $0) })
    }
  }

  /// Reads a PKCS#8 PEM file. A passphrase for a key that isn't encrypted is not used.
  /// - Throws: `TrustError.malformed`, `.keyRefused`, `.passphraseNeeded` or `.wrongPassphrase`.
  public convenience init(pem: Secret, passphrase: Passphrase? = nil) throws {
    let blocks = try PEM.decode(secret: pem, as: .privateKey)
    guard let block = blocks.first, blocks.count == 1 else {
      throw TrustError.malformed(.privateKey, reason: "it holds \(blocks.count) PEM blocks instead of one")
    }
    switch block.label {
    case Self.plainLabel: try self.init(pkcs8: block.content)
    case Self.encryptedLabel:
      guard let passphrase else { throw TrustError.passphraseNeeded }
      try self.init(encryptedPKCS8: block.content, passphrase: passphrase)
    default: throw TrustError.malformed(.privateKey, reason: "it is not PKCS#8")
    }
    try proveWhole()
  }

  private convenience init(pkcs8: Secret) throws {
    let read = pkcs8.withUnsafeBytes { cossl_key_from_pkcs8($0.baseAddress, $0.count) }
    guard let key = read else { throw TrustError.malformed(.privateKey, reason: drainedReasons()) }
    try self.init(owning: key)
  }

  private convenience init(encryptedPKCS8: Secret, passphrase: Passphrase) throws {
    let opened = try encryptedPKCS8.withUnsafeBytes { bytes in
      try KeyEncryption.checkCost(of: Array(bytes))
      return passphrase.secret.withUnsafeBytes { phrase in
        cossl_key_from_encrypted_pkcs8(bytes.baseAddress, bytes.count, phrase.baseAddress, phrase.count)
      }
    }
    guard let key = opened else {
      drainedReasons()
      throw TrustError.wrongPassphrase
    }
    try self.init(owning: key)
  }

  /// A file can hold a private and a public half that don't match, or numbers that are damaged. Better found here than
  /// by the users whose certificates don't verify.
  private func proveWhole() throws {
    let message = Array("private and public half belong together".utf8)
    let whole = try? publicKey.verifies(sign(message), over: message, by: scheme)
    guard whole == true else {
      throw TrustError.malformed(.privateKey, reason: "its private and public half don't belong together")
    }
  }
}
