/// Reads back what ``OpenSSHKeyPair/privateFile`` holds (PROTOCOL.key in OpenSSH's source, §1 to §3, unencrypted).
extension OpenSSHKeyPair {
  /// The public key that the file is for: type and key, as they begin a line of authorized_keys. What it says of itself in
  /// the clear has to be what its private part says.
  ///
  /// - Throws: `TrustError.malformed`.
  public static func publicKey(inPrivateFile file: Secret) throws -> String {
    let blocks = try PEM.decode(secret: file, as: .privateKey)
    guard let block = blocks.first, blocks.count == 1, block.label == "OPENSSH PRIVATE KEY" else {
      throw TrustError.malformed(.privateKey, reason: "it is not one OpenSSH private key")
    }
    return try block.content.withUnsafeBytes { bytes in
      var file = SSHReader(bytes[...])
      guard file.raw(15)?.elementsEqual("openssh-key-v1\0".utf8) == true,
        file.string()?.elementsEqual("none".utf8) == true, file.string()?.elementsEqual("none".utf8) == true,
        file.string()?.isEmpty == true, file.count() == 1, let blob = file.string(), let secret = file.string(),
        let type = confirmed(blob, by: secret)
      else { throw TrustError.malformed(.privateKey, reason: "it is damaged, or not an unencrypted OpenSSH key") }
      return "\(type) \(String(decoding: Base64.encode(Array(blob)), as: UTF8.self))"
    }
  }

  /// The key's type, if the private part has the public key of the blob.
  private static func confirmed(
    _ blob: Slice<UnsafeRawBufferPointer>, by secret: Slice<UnsafeRawBufferPointer>
  ) -> String? {
    var (known, own) = (SSHReader(blob), SSHReader(secret))
    guard let check = own.count(), check == own.count(), let type = known.string(),
      own.string()?.elementsEqual(type) == true, let first = known.string()
    else { return nil }
    if type.elementsEqual("ssh-ed25519".utf8) {
      guard own.string()?.elementsEqual(first) == true, let key = own.string(), key.count == 64,
        key.suffix(32).elementsEqual(first)
      else { return nil }
    } else {
      // The exponent comes first in the one, and the modulus in the other.
      guard let modulus = known.string(), own.string()?.elementsEqual(modulus) == true,
        own.string()?.elementsEqual(first) == true
      else { return nil }
    }
    return String(decoding: type, as: UTF8.self)
  }
}

/// Reads the data types of RFC 4251, §5; nil where there is too little left.
struct SSHReader {
  private var rest: Slice<UnsafeRawBufferPointer>

  init(_ bytes: Slice<UnsafeRawBufferPointer>) { rest = bytes }

  mutating func raw(_ count: Int) -> Slice<UnsafeRawBufferPointer>? {
    guard count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func count() -> Int? { raw(4)?.reduce(0) { $0 << 8 | Int($1) } }

  mutating func string() -> Slice<UnsafeRawBufferPointer>? { count().flatMap { raw($0) } }
}
