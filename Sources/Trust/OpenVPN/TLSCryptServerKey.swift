import COpenSSL

/// A project's tls-crypt-v2 server key: it wraps one key for each user, and its cloudpipe drops every packet that wasn't
/// made with such a key before any TLS is spoken (doc/tls-crypt-v2.txt in OpenVPN's source).
public struct TLSCryptServerKey: Sendable, Equatable {
  /// Two keys of 512 bits, of whose first 256 each one is used: `Ke` for AES-256-CTR, `Ka` for HMAC-SHA-256.
  private let secret: Secret

  private static let label = "OpenVPN tls-crypt-v2 server key"
  private static let size = 128

  /// Makes a new one.
  /// - Throws: `TrustError.cryptographyFailed`.
  public static func generate() throws -> TLSCryptServerKey {
    TLSCryptServerKey(secret: try .random(count: size))
  }

  /// Reads the file that `pem` makes, or `openvpn --genkey tls-crypt-v2-server`.
  /// - Throws: `TrustError.malformed`.
  public init(pem: Secret) throws {
    secret = try TLSCryptPEM.read(pem, Self.label, as: .tlsCryptServerKey)
    guard secret.count == Self.size else {
      throw TrustError.malformed(.tlsCryptServerKey, reason: "it has not \(Self.size) bytes")
    }
  }

  private init(secret: Secret) { self.secret = secret }

  /// The server's key file.
  public var pem: Secret { secret.withUnsafeBytes { PEM.secret(Self.label, $0) } }

  /// Makes a new key for one user.
  /// - Parameter metadata: travels inside of the wrapped key; the server can act on it before any TLS.
  /// - Throws: `TrustError.valueRefused` when the metadata is too long, `.cryptographyFailed`.
  public func issueClientKey(_ metadata: TLSCryptMetadata) throws -> TLSCryptClientKey {
    let key = try Secret.random(count: TLSCryptClientKey.keySize)
    return TLSCryptClientKey(key: key, wrapped: try wrap(key, try metadata.encoded()))
  }

  /// `WKc = T || AES-256-CTR(Ke, IV, Kc || metadata) || len`, `T = HMAC-SHA256(Ka, len || Kc || metadata)`, `IV` the first
  /// 128 bits of `T`: the server learns key and metadata, and that nobody else wrapped them.
  private func wrap(_ key: Secret, _ metadata: [UInt8]) throws -> [UInt8] {
    var plain: [UInt8] = []
    plain.reserveCapacity(key.count + metadata.count)
    defer { plain.cleanse() }
    key.withUnsafeBytes { plain.append(contentsOf: $0) }
    plain.append(contentsOf: metadata)
    let length = Self.bigEndian(UInt16(Self.tagSize + plain.count + 2))
    let tag = try tag(length, plain)
    return tag + (try crypt(plain, tag)) + length
  }

  /// What is inside of a client key, when this server key wrapped it.
  /// - Throws: `TrustError.malformed` when it didn't.
  public func metadata(of client: TLSCryptClientKey) throws -> TLSCryptMetadata {
    func refusal(_ reason: String) -> TrustError { .malformed(.tlsCryptClientKey, reason: reason) }
    let wrapped = client.wrapped
    let length = Self.bigEndian(UInt16(truncatingIfNeeded: wrapped.count))
    guard wrapped.count > Self.tagSize + TLSCryptClientKey.keySize + 2, wrapped.suffix(2).elementsEqual(length) else {
      throw refusal("its length is not the one that it states")
    }
    let stated = Array(wrapped.prefix(Self.tagSize))
    var plain = try crypt(Array(wrapped.dropFirst(Self.tagSize).dropLast(2)), stated)
    defer { plain.cleanse() }
    let actual = try tag(length, plain)
    guard cossl_equal(actual, stated, Self.tagSize) == 1 else { throw refusal("another server key wrapped it") }
    return try TLSCryptMetadata(encoded: Array(plain.dropFirst(TLSCryptClientKey.keySize)))
  }

  private static let tagSize = 32

  private static func bigEndian(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xff)] }

  private func tag(_ length: [UInt8], _ plain: [UInt8]) throws -> [UInt8] {
    var message: [UInt8] = []
    message.reserveCapacity(length.count + plain.count)
    defer { message.cleanse() }
    message += length
    message += plain
    return try part(1) { key in
      try [UInt8](unsafeUninitializedCapacity: Self.tagSize) { out, initialized in
        guard cossl_hmac_sha256(key, message, message.count, out.baseAddress) == 1 else {
          throw cryptoFailure("authenticate a tls-crypt-v2 key")
        }
        initialized = Self.tagSize
      }
    }
  }

  private func crypt(_ input: [UInt8], _ tag: [UInt8]) throws -> [UInt8] {
    try part(0) { key in
      try [UInt8](unsafeUninitializedCapacity: input.count) { out, initialized in
        guard cossl_aes256_ctr(key, tag, input, input.count, out.baseAddress) == 1 else {
          throw cryptoFailure("encrypt a tls-crypt-v2 key")
        }
        initialized = input.count
      }
    }
  }

  /// Lends the first or second of the two keys.
  private func part<Result>(_ index: Int, _ body: (UnsafePointer<UInt8>?) throws -> Result) rethrows -> Result {
    try secret.withUnsafeBytes { bytes in
      try body(bytes.baseAddress?.advanced(by: index * 64).assumingMemoryBound(to: UInt8.self))
    }
  }
}
