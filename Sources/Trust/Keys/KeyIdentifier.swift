/// Names a public key in certificates and CRLs (RFC 5280, §4.2.1.1 and §4.2.1.2), so that two CAs of one name can be told
/// apart.
public struct KeyIdentifier: Hashable, Sendable, CustomStringConvertible {
  /// As it stands in the extension.
  public let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// The leftmost 160 bits of the SHA-256 of the key (RFC 7093, §2, method 1).
  public init(of key: PublicKey) throws { bytes = Array(try sha256(key.content).prefix(20)) }

  /// Upper-case hex with colons, as openssl prints it.
  public var description: String { Hex.upper(bytes, separator: ":") }
}
