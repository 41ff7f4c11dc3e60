import COpenSSL

/// Bytes that must not be seen: private keys, passphrases, whole profiles. They are zeroed when the last reference goes,
/// they don't show themselves in descriptions, mirrors or dumps, and they are compared in constant time.
public final class Secret: Sendable {
  // Written only before `init` returns and freed only in `deinit`, so reading it from several threads is safe.
  private nonisolated(unsafe) let storage: UnsafeMutableRawBufferPointer

  /// Number of bytes.
  public var count: Int { storage.count }

  /// A secret of `count` bytes, zero until `fill` writes them.
  /// - Throws: what `fill` throws.
  public init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    storage = .allocate(byteCount: count, alignment: 16)
    storage.initializeMemory(as: UInt8.self, repeating: 0)
    try fill(storage)
  }

  deinit {
    if let start = storage.baseAddress { cossl_cleanse(start, storage.count) }
    storage.deallocate()
  }

  /// Lends the bytes. They are not to be copied out of `body` but into a file or another `Secret`.
  /// - Throws: what `body` throws.
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try body(UnsafeRawBufferPointer(storage))
  }
}

extension Secret {
  /// The UTF-8 bytes of a text. The text itself can't be zeroed: for texts that are only part of something secret.
  public convenience init(utf8 text: String) {
    let bytes = Array(text.utf8)
    self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
  }

  /// Moves bytes into a secret; the array is zeroed and left empty.
  public convenience init(consuming bytes: inout [UInt8]) {
    self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    bytes.cleanse()
    bytes = []
  }

  /// The parts one after the other.
  public convenience init(concatenating parts: [Secret]) {
    self.init(count: parts.reduce(0) { $0 + $1.count }) { whole in
      var offset = 0
      for part in parts {
        part.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: whole[offset...]).copyMemory(from: $0) }
        offset += part.count
      }
    }
  }

  /// `count` bytes from libcrypto's generator for secret values.
  /// - Throws: `TrustError.cryptographyFailed`.
  static func random(count: Int) throws -> Secret {
    try Secret(count: count) { bytes in
      guard cossl_random_private(bytes.baseAddress, count) == 1 else { throw cryptoFailure("draw random bytes") }
    }
  }
}

extension Secret: Equatable {
  public static func == (a: Secret, b: Secret) -> Bool {
    guard a.count == b.count else { return false }
    return cossl_equal(a.storage.baseAddress, b.storage.baseAddress, a.count) == 1
  }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "secret (\(count) bytes)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What opens an encrypted private key: 1 to 1023 bytes, taken as they are. It comes from a file, a descriptor or a
/// systemd credential, never from argv or the environment.
public struct Passphrase: Sendable, CustomStringConvertible {
  let secret: Secret

  /// - Throws: `TrustError.passphraseRefused` when it is empty or longer than OpenSSL's own tools can take.
  public init(_ secret: Secret) throws {
    guard secret.count > 0 else { throw TrustError.passphraseRefused(reason: "it is empty") }
    guard secret.count < 1024 else { throw TrustError.passphraseRefused(reason: "it is longer than 1023 bytes") }
    self.secret = secret
  }

  public var description: String { "passphrase" }
}
