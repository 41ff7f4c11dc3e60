import Foundation
import Glibc
import Host
public import SystemPackage
public import Trust

/// A file with a certificate signing request, in PEM or DER.
public enum RequestFile {
  /// Reads no more of it than a request can have.
  ///
  /// - Throws: `HostError`, ``UserError/notARequest(path:why:)``.
  public static func read(_ path: FilePath) throws -> SigningRequest {
    let descriptor = open(path.string, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw HostError.file(doing: "open", path: path, errno: errno) }
    defer { close(descriptor) }
    let bytes = try read(descriptor, path)
    do {
      if bytes.first == 0x30 { return try SigningRequest(der: bytes) }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw UserError.notARequest(path: path.string, why: "it is neither PEM nor DER")
      }
      return try SigningRequest(pem: text)
    } catch let error as TrustError {
      throw UserError.notARequest(path: path.string, why: "\(error)")
    }
  }

  private static func read(_ descriptor: CInt, _ path: FilePath) throws -> [UInt8] {
    let limit = 2 * SigningRequest.largest
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = Glibc.read(descriptor, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw HostError.file(doing: "read", path: path, errno: errno) }
      if count == 0 { return bytes }
      bytes += part.prefix(count)
      guard bytes.count <= limit else {
        throw UserError.notARequest(path: path.string, why: "it has more than \(limit) bytes")
      }
    }
  }
}
