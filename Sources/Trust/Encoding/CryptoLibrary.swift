import COpenSSL

/// libcrypto's complaint about `operation`. Always empties the thread's error queue, so that no later failure reports
/// this one's reasons.
func cryptoFailure(_ operation: String) -> TrustError {
  .cryptographyFailed(operation: operation, reason: drainedReasons())
}

/// The reasons in this thread's error queue, which is empty afterwards.
@discardableResult
func drainedReasons() -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
    guard let start = text.baseAddress else { return "no reason given" }
    start.initialize(to: 0)
    cossl_failure(start, text.count)
    let reasons = String(cString: start)
    return reasons.isEmpty ? "no reason given" : reasons
  }
}

/// Runs a libcrypto function that allocates its result, hands the result's bytes to `use`, then zeroes and frees them.
func withAllocated<Result>(
  _ operation: String, by fill: (UnsafeMutablePointer<cossl_buffer>) -> CInt,
  _ use: (UnsafeRawBufferPointer) throws -> Result
) throws -> Result {
  var buffer = cossl_buffer()
  guard fill(&buffer) == 1 else { throw cryptoFailure(operation) }
  defer { cossl_buffer_free(&buffer) }
  return try use(UnsafeRawBufferPointer(start: buffer.bytes, count: buffer.length))
}

extension [UInt8] {
  /// Zeroes the bytes in place, for arrays that held something secret for a moment.
  mutating func cleanse() {
    withUnsafeMutableBytes { bytes in
      if let start = bytes.baseAddress { cossl_cleanse(start, bytes.count) }
    }
  }

  /// `count` bytes from libcrypto's generator for public values.
  static func random(count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard cossl_random(buffer.baseAddress, count) == 1 else { throw cryptoFailure("draw random bytes") }
      initialized = count
    }
  }
}

/// SHA-256 (FIPS 180-4): 32 bytes.
func sha256(_ bytes: some Collection<UInt8>) throws -> [UInt8] {
  let input = Array(bytes)
  guard let digest = cossl_digest_new(256) else { throw cryptoFailure("start a digest") }
  guard cossl_digest_update(digest, input, input.count) == 1 else {
    cossl_digest_free(digest)
    throw cryptoFailure("compute a digest")
  }
  return try [UInt8](unsafeUninitializedCapacity: 32) { out, initialized in
    guard cossl_digest_finish(digest, out.baseAddress) == 1 else { throw cryptoFailure("finish a digest") }
    initialized = 32
  }
}
