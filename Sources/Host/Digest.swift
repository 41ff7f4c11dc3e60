import COpenSSL
public import Foundation
import Glibc
public import SystemPackage

/// A SHA-256 or SHA-512 digest (FIPS 180-4).
public struct Digest: Hashable, Sendable, Codable, CustomStringConvertible {
  /// 32 bytes for SHA-256, 64 for SHA-512.
  public let bytes: [UInt8]

  /// Lower-case hexadecimal, as `sha256sum` prints it.
  public var hex: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  public var description: String { hex }

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Reads 64 or 128 hexadecimal digits in either case; nil for anything else.
  public init?(hex: some StringProtocol) {
    let digits = hex.utf8.map { byte -> UInt8? in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
      default: nil
      }
    }
    guard digits.count == 64 || digits.count == 128, !digits.contains(nil) else { return nil }
    let values = digits.compactMap(\.self)
    bytes = stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let digest = Digest(hex: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a SHA-256 or SHA-512 digest in hex")
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }

  /// The SHA-256 digest of `bytes`.
  public static func sha256(_ bytes: some DataProtocol) -> Digest {
    var hasher = Hasher()
    hasher.update(bytes)
    return hasher.finish()
  }

  /// The SHA-256 digest of `text` in UTF-8.
  public static func sha256(_ text: String) -> Digest { sha256(Array(text.utf8)) }

  /// The digest of the file at `path`, read in pieces of 1 MiB.
  ///
  /// - Parameter kind: SHA-256 unless told otherwise.
  /// - Throws: ``HostError/file(doing:path:errno:)``; `CancellationError` in a cancelled task.
  public static func ofFile(_ path: FilePath, kind: Kind = .sha256) throws -> Digest {
    let descriptor = try checked("open", path) { open(path.string, O_RDONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    var hasher = Hasher(kind)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      try Task.checkCancellation()
      let count = try checked("read", path) { CInt(read(descriptor, buffer.baseAddress, buffer.count)) }
      if count == 0 { return hasher.finish() }
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]))
    }
  }

  /// Which function of the SHA-2 family.
  public enum Kind: String, Sendable { case sha256, sha512 }

  /// A digest that is fed piece by piece.
  public struct Hasher: ~Copyable {
    private let handle: OpaquePointer

    public init(_ kind: Kind = .sha256) {
      // libcrypto refuses only when the process is out of memory, which Swift answers with a trap everywhere else too.
      guard let handle = cossl_digest_new(kind == .sha256 ? 256 : 512) else { preconditionFailure("out of memory") }
      self.handle = handle
      length = kind == .sha256 ? 32 : 64
    }

    private let length: Int

    /// Adds `bytes`.
    public mutating func update(_ bytes: some DataProtocol) {
      for region in bytes.regions {
        region.withUnsafeBytes { _ = cossl_digest_update(handle, $0.baseAddress, $0.count) }
      }
    }

    /// Adds `text` in UTF-8.
    public mutating func update(_ text: String) { update(Array(text.utf8)) }

    /// Adds texts so that no other list of texts adds the same bytes: each with its length before it.
    public mutating func update(fields: [String]) {
      for field in fields { update("\(field.utf8.count):\(field)") }
      update("\n")
    }

    /// The digest of all that was added.
    public consuming func finish() -> Digest {
      var bytes = [UInt8](repeating: 0, count: length)
      _ = cossl_digest_finish(handle, &bytes)
      discard self
      return Digest(bytes: bytes)
    }

    deinit { cossl_digest_free(handle) }
  }
}
