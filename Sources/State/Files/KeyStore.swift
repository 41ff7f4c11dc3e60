public import Foundation
import Glibc
import Host
public import SystemPackage

/// The private keys: files of mode 0600 in folders of mode 0700, each written once, whole and durable, before the row
/// that refers to it is committed. A file that no row refers to is an orphan of a kill, and swept.
public struct KeyStore: Sendable {
  let home: Home

  /// No key is longer, in bytes.
  private static let limit = 64 << 10

  /// Where the file is.
  public func path(of file: KeyFile) -> FilePath { home.path.appending(file.text) }

  /// Writes a new key. It has its name only when all of it is on disk.
  ///
  /// - Throws: ``StateError/alreadyExists(kind:id:)``, `HostError`; neither holds any of the key.
  public func write(_ key: some DataProtocol, as file: KeyFile) throws {
    let path = path(of: file)
    do {
      let new = try ReservedFile(path, replacing: false)
      defer { new.discard() }
      try new.fill(key)
      try new.publish()
    } catch HostError.file(_, _, EEXIST) {
      throw StateError.alreadyExists(kind: "key file", id: path.string)
    }
  }

  /// Removes a key that no row refers to, such as one that another process's made needless. One that isn't there is fine.
  ///
  /// - Throws: `HostError`.
  public func remove(_ file: KeyFile) throws {
    let path = path(of: file)
    guard unlink(path.string) == 0 || errno == ENOENT else {
      throw HostError.file(doing: "remove", path: path, errno: errno)
    }
  }

  /// Reads a key, if nobody else could have read or changed it.
  ///
  /// - Throws: ``StateError/key(path:why:remedy:)``.
  public func read(_ file: KeyFile) throws -> Data {
    let path = path(of: file)
    let descriptor = open(path.string, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { throw Self.unreadable(path, errno) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.unreadable(path, errno) }
    try Self.check(status, path)
    return try handle.readToEnd() ?? Data()
  }

  /// Checks that a key is there and is nobody else's to read.
  ///
  /// - Throws: ``StateError/key(path:why:remedy:)``.
  public func require(_ file: KeyFile) throws {
    let path = path(of: file)
    var status = stat()
    guard lstat(path.string, &status) == 0 else { throw Self.unreadable(path, errno) }
    try Self.check(status, path)
  }

  /// All files in the two folders, with the age of each in seconds; among them the unfinished ones.
  func files(now: Date) throws -> [(path: FilePath, key: KeyFile?, age: TimeInterval)] {
    var files: [(path: FilePath, key: KeyFile?, age: TimeInterval)] = []
    for (folder, prefix) in [(home.keys, "keys/"), (home.authorityKeys, "CA/private/")] {
      for name in try Folder.names(in: folder) {
        let path = folder.appending(name)
        var status = stat()
        guard lstat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
        let age = now.timeIntervalSince1970 - TimeInterval(status.st_mtim.tv_sec)
        files.append((path, try? KeyFile(prefix + name), age))
      }
    }
    return files
  }

  private static func check(_ status: stat, _ path: FilePath) throws {
    func refusal(_ why: String, _ remedy: String) -> StateError { .key(path: path, why: why, remedy: remedy) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw refusal("it isn't a plain file", "put the key itself there")
    }
    guard status.st_uid == geteuid() else {
      throw refusal("it belongs to user \(status.st_uid)", "run cpbuild as that user, or 'chown' it")
    }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      throw refusal("others may use it (mode \(mode))", "run 'chmod 600 \(path)', and think about who has seen it")
    }
    guard status.st_size <= limit else { throw refusal("it is longer than any key", "put the key itself there") }
  }

  private static func unreadable(_ path: FilePath, _ code: CInt) -> StateError {
    let remedy = code == ENOENT ? "restore it from a backup" : "look at the file's owner and mode"
    return .key(path: path, why: String(cString: strerror(code)), remedy: remedy)
  }
}
