public import Foundation

/// One user's tls-crypt-v2 key: the key itself, and the same wrapped for the server to unwrap.
public struct TLSCryptClientKey: Sendable, Equatable {
  private let key: Secret
  /// Sent in the clear with a client's first packet.
  let wrapped: [UInt8]

  private static let label = "OpenVPN tls-crypt-v2 client key"
  /// `Kc`, 2048 bits.
  static let keySize = 256
  /// TLS_CRYPT_V2_MAX_WKC_LEN in OpenVPN's tls_crypt.h.
  static let largestWrapped = 1024

  init(key: Secret, wrapped: [UInt8]) {
    self.key = key
    self.wrapped = wrapped
  }

  /// Reads the file that `pem` makes, or `openvpn --genkey tls-crypt-v2-client`.
  /// - Throws: `TrustError.malformed`.
  public init(pem: Secret) throws {
    let whole = try TLSCryptPEM.read(pem, Self.label, as: .tlsCryptClientKey)
    guard (Self.keySize + 1...Self.keySize + Self.largestWrapped).contains(whole.count) else {
      throw TrustError.malformed(.tlsCryptClientKey, reason: "it is too short or too long")
    }
    (key, wrapped) = whole.withUnsafeBytes { bytes in
      let key = Secret(count: Self.keySize) { $0.copyBytes(from: bytes.prefix(Self.keySize)) }
      return (key, Array(bytes.dropFirst(Self.keySize)))
    }
  }

  /// Lends the key from an offset on, which is less than its 256 bytes by 32 at least.
  func part<Result>(_ offset: Int, _ body: (UnsafePointer<UInt8>?) throws -> Result) rethrows -> Result {
    try key.withUnsafeBytes { bytes in
      try body(bytes.baseAddress?.advanced(by: offset).assumingMemoryBound(to: UInt8.self))
    }
  }

  /// The client's key file, or the content of `<tls-crypt-v2>` in a profile.
  public var pem: Secret {
    let whole = Secret(concatenating: [key, Secret(count: wrapped.count) { $0.copyBytes(from: wrapped) }])
    return whole.withUnsafeBytes { PEM.secret(Self.label, $0) }
  }
}

/// What travels in a wrapped client key.
public enum TLSCryptMetadata: Sendable, Equatable {
  /// When the key was made, in whole seconds; `tls-crypt-v2-max-age` on the server goes by it.
  case timestamp(Date)
  /// Anything, such as a serial number, up to 733 bytes; `tls-crypt-v2-verify` on the server gets it.
  case user([UInt8])

  func encoded() throws -> [UInt8] {
    switch self {
    case .timestamp(let date):
      let seconds = try ASN1Time(date).seconds
      return [0x01] + stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: seconds >> Int64($0)) }
    case .user(let bytes):
      guard bytes.count <= 733 else { throw TrustError.valueRefused(field: "metadata", reason: "it exceeds 733 bytes") }
      return [0x00] + bytes
    }
  }

  init(encoded: [UInt8]) throws {
    let content = encoded.dropFirst()
    switch encoded.first {
    case 0x00: self = .user(Array(content))
    case 0x01 where content.count == 8:
      let seconds = Int64(bitPattern: content.reduce(0) { $0 << 8 | UInt64($1) })
      self = .timestamp(Date(timeIntervalSince1970: Double(seconds)))
    default: throw TrustError.malformed(.tlsCryptClientKey, reason: "its metadata is of an unknown type")
    }
  }
}

/// Reads the PEM of both kinds of keys.
enum TLSCryptPEM {
  static func read(_ pem: Secret, _ label: String, as document: Document) throws -> Secret {
    let blocks = try PEM.decode(secret: pem, as: document)
    guard let block = blocks.first, blocks.count == 1, block.label == label else {
      throw TrustError.malformed(document, reason: "it is not one PEM block \"BEGIN \(label)\"")
    }
    return block.content
  }
}
