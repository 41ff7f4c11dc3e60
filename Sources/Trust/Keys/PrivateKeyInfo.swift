import COpenSSL

/// PKCS#8's PrivateKeyInfo (RFC 5208, §5) of the kinds of keys that are made by the thousand. libcrypto 3.0 writes the same
/// bytes through its encoder framework, in more time than it takes to make the key and sign its certificate.
enum PrivateKeyInfo {
  /// A P-256 or P-384 key, `width` bytes wide (RFC 5915, §3).
  static func ellipticCurve<Result>(
    _ key: OpaquePointer, _ publicKey: PublicKey, width: Int, _ use: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let curve: OID = width == 32 ? .prime256v1 : .secp384r1
    return try withAllocated("read a private key", by: { cossl_key_scalar(key, width, $0) }) { scalar in
      try lend(use) { writer in
        writer.sequence { writer in
          writer.oid(.ecPublicKey)
          writer.oid(curve)
        }
        writer.value(DERTag.octetString) { writer in
          writer.sequence { writer in
            writer.integer(1)
            writer.value(DERTag.octetString, scalar)
            writer.value(DERTag.contextConstructed(1)) { $0.bitString(publicKey.content) }
          }
        }
      }
    }
  }

  /// An Ed25519 key (RFC 8410, §7).
  static func ed25519<Result>(_ key: OpaquePointer, _ use: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    try withAllocated("read a private key", by: { cossl_key_ed25519_seed(key, $0) }) { seed in
      try lend(use) { writer in
        writer.sequence { $0.oid(.ed25519) }
        writer.value(DERTag.octetString) { $0.value(DERTag.octetString, seed) }
      }
    }
  }

  /// Writes version, algorithm and key, lends the bytes, and zeroes them. They fit into the capacity: a buffer that grew
  /// would leave copies of the key behind.
  private static func lend<Result>(
    _ use: (UnsafeRawBufferPointer) throws -> Result, _ content: (inout DERWriter) -> Void
  ) rethrows -> Result {
    var bytes = DERWriter.encode(capacity: 512) { writer in
      writer.sequence { writer in
        writer.integer(0)
        content(&writer)
      }
    }
    defer { bytes.cleanse() }
    return try bytes.withUnsafeBytes(use)
  }
}
