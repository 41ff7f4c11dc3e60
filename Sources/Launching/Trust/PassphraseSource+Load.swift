import Foundation
import Glibc
import Names
import SystemPackage
import Trust

extension PassphraseSource {
  /// A credential's name, checked: it is a file's name and no path.
  ///
  /// - Throws: `NameError`.
  public static func named(credential name: String) throws -> PassphraseSource {
    guard !name.isEmpty, name != ".", name != "..", name.utf8.count <= 255, !name.utf8.contains(0), !name.contains("/")
    else {
      throw NameError(
        kind: "credential", text: name, reason: name.isEmpty ? .empty : .form("it is no file's name"),
        remedy: "the name that the unit's LoadCredential= gives it")
    }
    return .credential(name)
  }

  /// Reads it: all bytes but one line break at the end. A descriptor can be read once.
  ///
  /// - Throws: ``TrustKeeperError/passphrase(source:why:remedy:)``; `TrustError` for one that is empty or too long.
  func load() throws -> Passphrase {
    switch self {
    case .descriptor(let descriptor): return try read(descriptor)
    case .file(let path): return try open(path)
    case .credential(let name):
      guard let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"], !folder.isEmpty else {
        throw refusal("$CREDENTIALS_DIRECTORY isn't set", "run cpbuild in a unit with LoadCredential=\(name):FILE")
      }
      return try open(FilePath(folder).appending(name))
    }
  }

  private func open(_ path: FilePath) throws -> Passphrase {
    let descriptor = Glibc.open(path.string, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw refusal(String(cString: strerror(errno)), "name a file that can be read") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw refusal(String(cString: strerror(errno)), "look at the file") }
    guard status.st_mode & S_IFMT != S_IFREG || status.st_mode & 0o007 == 0 else {
      throw refusal("everybody can use the file", "run 'chmod 600 \(path)', and think about who has seen it")
    }
    return try read(descriptor)
  }

  private func read(_ descriptor: CInt) throws -> Passphrase {
    var bytes = [UInt8](repeating: 0, count: 2048)
    defer {
      bytes.withUnsafeMutableBytes { buffer in
        if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
      }
    }
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { buffer in
        Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw refusal(String(cString: strerror(errno)), "give one that can be read") }
      if got == 0 { break }
      count += got
    }
    if count > 0, bytes[count - 1] == UInt8(ascii: "\n") { count -= 1 }
    if count > 0, bytes[count - 1] == UInt8(ascii: "\r") { count -= 1 }
    return try Passphrase(Secret(count: count) { $0.copyBytes(from: bytes.prefix(count)) })
  }

  private func refusal(_ why: String, _ remedy: String) -> TrustKeeperError {
    .passphrase(source: "\(self)", why: why, remedy: remedy)
  }
}

extension PassphraseSource: CustomStringConvertible {
  public var description: String {
    switch self {
    case .file(let path): "the file \(path)"
    case .descriptor(let number): "descriptor \(number)"
    case .credential(let name): "the credential \(name)"
    }
  }
}
