/// A key pair in OpenSSH's formats, for an instance's admin login. The private key is not encrypted: it lies in a file
/// that only its owner reads, and scripts use it.
public struct OpenSSHKeyPair: Sendable, CustomStringConvertible {
  /// The line for authorized_keys and for the cloud: type, key, comment. No line break.
  public let publicLine: String
  /// The private key file, `BEGIN OPENSSH PRIVATE KEY`.
  public let privateFile: Secret
  /// As `ssh-keygen -l` prints it: `SHA256:` and base64 without padding.
  public let fingerprint: String

  public enum Kind: String, Sendable, CaseIterable {
    /// The default.
    case ed25519
    /// For clouds and images that know no other.
    case rsa3072
  }

  /// Makes a key pair.
  /// - Parameter comment: names it in files and agents; up to 255 visible ASCII characters and inner spaces.
  /// - Throws: `TrustError.valueRefused` for the comment, or `.cryptographyFailed`.
  public static func generate(_ kind: Kind = .ed25519, comment: String) throws -> OpenSSHKeyPair {
    try OpenSSHKeyPair(key: try PrivateKey.generate(kind == .ed25519 ? .ed25519 : .rsa3072), comment: comment)
  }

  init(key: PrivateKey, comment: String) throws {
    guard comment.utf8.count <= 255, comment.utf8.allSatisfy({ ASCII.isVisible($0) || $0 == 0x20 }),
      comment.first != " ", comment.last != " "
    else { throw TrustError.valueRefused(field: "comment", reason: "it is not one line of up to 255 ASCII characters") }
    let encoding = OpenSSHEncoding(key)
    let blob = try encoding.publicBlob()
    publicLine = "\(encoding.typeName) \(Self.base64(blob))" + (comment.isEmpty ? "" : " \(comment)")
    privateFile = try encoding.privateFile(publicBlob: blob, comment: comment)
    fingerprint = "SHA256:" + Self.base64(try sha256(blob)).prefix { $0 != "=" }
  }

  public var description: String { "key pair \(fingerprint)" }

  private static func base64(_ bytes: [UInt8]) -> String { String(decoding: Base64.encode(bytes), as: UTF8.self) }
}
