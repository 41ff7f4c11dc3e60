import COpenSSL

/// OpenSSH's encodings of an Ed25519 or RSA key: the public blob (RFC 4253, §6.6; RFC 8709, §4) and the private key file
/// "openssh-key-v1" (PROTOCOL.key in OpenSSH's source).
struct OpenSSHEncoding {
  private let key: PrivateKey

  init(_ key: PrivateKey) { self.key = key }

  var typeName: String { isRSA ? "ssh-rsa" : "ssh-ed25519" }

  private var isRSA: Bool { key.publicKey.algorithm != .ed25519 }

  func publicBlob() throws -> [UInt8] {
    var writer = SSHWriter()
    writer.string(typeName.utf8)
    if isRSA {
      try number("e") { writer.number($0) }
      try number("n") { writer.number($0) }
    } else {
      writer.string(key.publicKey.content)
    }
    return writer.bytes
  }

  /// PROTOCOL.key, §1 to §3, with cipher and key derivation "none".
  func privateFile(publicBlob: [UInt8], comment: String) throws -> Secret {
    // Large enough for RSA-4096: a writer that grew would leave copies of the key behind.
    var secret = SSHWriter(capacity: 4096)
    defer { secret.bytes.cleanse() }
    // The same number twice shows whoever decrypts the section that the passphrase was right.
    let check = try [UInt8].random(count: 4)
    secret.raw(check)
    secret.raw(check)
    secret.string(typeName.utf8)
    try writePrivate(to: &secret)
    secret.string(comment.utf8)
    var padding: UInt8 = 1
    while secret.bytes.count % 8 != 0 {
      secret.raw([padding])
      padding += 1
    }

    var file = SSHWriter(capacity: 8192)
    defer { file.bytes.cleanse() }
    file.raw(Array("openssh-key-v1\0".utf8))
    file.string("none".utf8)
    file.string("none".utf8)
    file.string("".utf8)
    file.count(1)
    file.string(publicBlob)
    file.string(secret.bytes)
    return file.bytes.withUnsafeBytes { PEM.secret("OPENSSH PRIVATE KEY", $0, lineLength: 70) }
  }

  private func writePrivate(to writer: inout SSHWriter) throws {
    if isRSA {
      for name in ["n", "e", "d", "rsa-coefficient1", "rsa-factor1", "rsa-factor2"] {
        try number(name) { writer.number($0) }
      }
    } else {
      writer.string(key.publicKey.content)
      // The private key is the seed followed by the public key.
      try key.withKey { key in
        try withAllocated("read an Ed25519 key", by: { cossl_key_ed25519_seed(key, $0) }) { seed in
          writer.count(UInt32(seed.count + self.key.publicKey.content.count))
          writer.raw(seed)
        }
      }
      writer.raw(key.publicKey.content)
    }
  }

  private func number(_ name: String, _ use: (UnsafeRawBufferPointer) -> Void) throws {
    try key.withKey { key in
      try withAllocated("read an RSA key", by: { cossl_key_number(key, name, $0) }, use)
    }
  }
}

/// Writes the data types of RFC 4251, §5.
struct SSHWriter {
  var bytes: [UInt8] = []

  init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  mutating func raw(_ content: some Collection<UInt8>) { bytes.append(contentsOf: content) }

  mutating func count(_ number: UInt32) {
    for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  mutating func string(_ content: some Collection<UInt8>) {
    count(UInt32(content.count))
    raw(content)
  }

  /// A positive mpint, from big-endian octets without leading zeros.
  mutating func number(_ octets: some Collection<UInt8>) {
    let sign = (octets.first ?? 0) >= 0x80 ? 1 : 0
    count(UInt32(octets.count + sign))
    if sign == 1 { bytes.append(0) }
    raw(octets)
  }
}
