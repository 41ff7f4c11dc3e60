public import Foundation
import Glibc
public import SystemPackage

/// A file that is going to be, mode 0600: made under a temporary name before the work whose result it takes, so that a
/// folder that can't be written to is found out while nothing is lost, and given its name once it is whole.
public struct ReservedFile: Sendable {
  public let path: FilePath
  private let aside: FilePath
  /// What was there before, once it is replaced.
  private let replaced: FilePath?

  /// - Parameter replacing: what has that name may be replaced.
  /// - Throws: ``HostError/file(doing:path:errno:)``; with `EEXIST` when there is something already.
  public init(_ path: FilePath, replacing: Bool) throws {
    guard let name = path.lastComponent, name.kind == .regular else {
      throw HostError.file(doing: "write", path: path, errno: EISDIR)
    }
    var status = stat()
    if lstat(path.string, &status) == 0 {
      if status.st_mode & S_IFMT == S_IFDIR { throw HostError.file(doing: "write", path: path, errno: EISDIR) }
      if !replacing { throw HostError.file(doing: "create", path: path, errno: EEXIST) }
      try AtomicFile.checkReplaceable(path)
    }
    let random = String(UInt64.random(in: .min ... .max), radix: 36)
    let aside = path.removingLastComponent().appending(".cpbuild.\(random).tmp")
    self.path = path
    self.aside = aside
    replaced = replacing ? path.removingLastComponent().appending(".cpbuild.\(random).old") : nil
    let descriptor = try checked("create", path) {
      open(aside.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    }
    close(descriptor)
  }

  /// Gives it its content, durably.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public func fill(_ bytes: some DataProtocol) throws { try AtomicFile.write(bytes, to: aside, mode: 0o600) }

  /// Gives it its name, durably. Several files are filled before the first gets its name, for after that little can fail.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``; with `EEXIST` when something took the name meanwhile.
  public func publish() throws {
    if let replaced {
      // Where the filesystem has no links, what was there can't come back.
      link(path.string, replaced.string)
      return try AtomicFile.publish(aside, as: path)
    }
    // Unlike a rename, a link never replaces anything.
    try checked("create", path) { link(aside.string, path.string) }
    unlink(aside.string)
    try AtomicFile.flushFolder(path.removingLastComponent())
  }

  /// Takes the name back after ``publish()``, and gives it to what had it before.
  public func withdraw() {
    if let replaced, rename(replaced.string, path.string) == 0 { return }
    unlink(path.string)
  }

  /// Removes what was made under temporary names. A file that has its own stays.
  public func discard() {
    unlink(aside.string)
    if let replaced { unlink(replaced.string) }
  }
}
