public import Foundation
import Glibc
public import SystemPackage

/// A file that is going to be, mode 0600: made under a temporary name before the work whose result it takes, so that a
/// folder that can't be written to is found out while nothing is lost, and given its name once it is whole.
public struct ReservedFile: Sendable {
  public let path: FilePath
  private let aside: FilePath
  private let replaces: Bool

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
    }
    let random = String(UInt64.random(in: .min ... .max), radix: 36)
    let aside = path.removingLastComponent().appending(".cpbuild.\(random).tmp")
    self.path = path
    self.aside = aside
    replaces = replacing
    let descriptor = try checked("create", path) {
      open(aside.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    }
    close(descriptor)
  }

  /// Gives it its content and its name, durably.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``; with `EEXIST` when something took the name meanwhile.
  public func publish(_ bytes: some DataProtocol) throws {
    try AtomicFile.write(bytes, to: aside, mode: 0o600)
    if replaces { return try AtomicFile.publish(aside, as: path) }
    // Unlike a rename, a link never replaces anything.
    try checked("create", path) { link(aside.string, path.string) }
    unlink(aside.string)
    try AtomicFile.flushFolder(path.removingLastComponent())
  }

  /// Removes what was made under the temporary name. A file that has its own stays.
  public func discard() { unlink(aside.string) }
}
