public import Foundation
import Glibc
public import SystemPackage

/// Files that other programs read: written under a temporary name, fsynced and renamed, so that a reader, a crash or a
/// full disk never meets half of one.
public enum AtomicFile {
  /// Writes `bytes` to `path`, replacing what is there.
  ///
  /// The file is mode 0600 until it is whole and has the mode asked for before it gets its name. The folder is fsynced
  /// too, so that the new name outlives a power cut.
  ///
  /// - Parameter mode: the permission bits, whatever the umask.
  /// - Throws: ``HostError/file(doing:path:errno:)``; nothing is left behind then.
  public static func write(_ bytes: some DataProtocol, to path: FilePath, mode: CInterop.Mode = 0o644) throws {
    let aside = try temporaryName(beside: path)
    let descriptor = try checked("create", aside) { open(aside.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
    do {
      defer { close(descriptor) }
      try fill(descriptor, with: bytes, mode: mode, path: aside)
    } catch {
      unlink(aside.string)
      throw error
    }
    try publish(aside, as: path)
  }

  /// The same for text, in UTF-8.
  public static func write(_ text: String, to path: FilePath, mode: CInterop.Mode = 0o644) throws {
    try write(Data(text.utf8), to: path, mode: mode)
  }

  /// Gives a finished file or folder its public name, durably. `aside` is removed if that fails and it is a file.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func publish(_ aside: FilePath, as path: FilePath) throws {
    do {
      try checkReplaceable(path)
      try checked("rename into place", path) { rename(aside.string, path.string) }
    } catch {
      unlink(aside.string)
      throw error
    }
    try flushFolder(path.removingLastComponent())
  }

  /// Refuses to put a file in the place of a device, pipe or socket, or of a link to one: renamed over, /dev/null would be
  /// gone for everybody.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func checkReplaceable(_ path: FilePath) throws {
    var status = stat()
    guard stat(path.string, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else { return }
    throw HostError.file(doing: "put a file in the place of", path: path, errno: ENOTSUP)
  }

  /// Makes the names inside `folder` durable.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func flushFolder(_ folder: FilePath) throws {
    let name = folder.isEmpty ? FilePath(".") : folder
    let descriptor = try checked("open", name) { open(name.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    defer { close(descriptor) }
    try checked("flush", name) { fsync(descriptor) }
  }

  /// Makes the content of the file at `path` durable.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func flush(_ path: FilePath) throws {
    let descriptor = try checked("open", path) { open(path.string, O_RDONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    try checked("flush", path) { fsync(descriptor) }
  }

  private static func temporaryName(beside path: FilePath) throws -> FilePath {
    guard let name = path.lastComponent else {
      throw HostError.file(doing: "write", path: path, errno: EISDIR)
    }
    let random = String(UInt64.random(in: .min ... .max), radix: 36)
    // A name has 255 bytes at most, and this one has to stay valid UTF-8.
    var stem = name.string[...]
    while stem.utf8.count > 200 { stem.removeLast() }
    return path.removingLastComponent().appending(".\(stem).\(random).tmp")
  }

  /// Gives an open file all its content and its mode, durably.
  ///
  /// - Parameter path: what it is called in an error.
  static func fill(
    _ descriptor: CInt, with bytes: some DataProtocol, mode: CInterop.Mode, path: FilePath
  ) throws {
    for region in bytes.regions {
      try region.withUnsafeBytes { try writeAll($0, to: descriptor, path: path) }
    }
    try checked("change the mode of", path) { fchmod(descriptor, mode) }
    try checked("flush", path) { fsync(descriptor) }
  }

  private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, path: FilePath) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw HostError.file(doing: "write", path: path, errno: errno) }
      rest = rest.dropFirst(count)
    }
  }
}
