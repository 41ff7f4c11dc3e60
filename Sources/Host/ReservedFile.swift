public import Foundation
import Glibc
public import SystemPackage

/// A file that is going to be, mode 0600: made without a name before the work whose result it takes, so that a folder that
/// can't be written to is found out while nothing is lost, and given its name once it is whole. A kill before that leaves
/// nothing; where the filesystem has no nameless files, or at the moment when another file is replaced, it leaves one with a
/// temporary name.
public final class ReservedFile: Sendable {
  public let path: FilePath
  private let aside: FilePath
  private let descriptor: CInt
  private let isNameless: Bool
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
    let folder = path.removingLastComponent()
    let nameless = open(folder.isEmpty ? "." : folder.string, O_WRONLY | Self.unnamed | O_CLOEXEC, 0o600)
    isNameless = nameless >= 0
    descriptor =
      isNameless
      ? nameless
      : try checked("create", path) { open(aside.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
  }

  deinit { close(descriptor) }

  /// O_TMPFILE of open(2), which Swift can't import.
  private static let unnamed = 0o20_000_000 | O_DIRECTORY

  /// Gives it its content, durably, and then its mode.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public func fill(_ bytes: some DataProtocol, mode: CInterop.Mode = 0o600) throws {
    try AtomicFile.fill(descriptor, with: bytes, mode: mode, path: path)
  }

  /// Gives it its name, durably. Several files are filled before the first gets its name, for after that little can fail.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``; with `EEXIST` when something took the name meanwhile.
  public func publish() throws {
    if let replaced {
      // Where the filesystem has no links, what was there can't come back.
      link(path.string, replaced.string)
      if isNameless { try name(aside) }
      return try AtomicFile.publish(aside, as: path)
    }
    // Unlike a rename, a link never replaces anything.
    try name(path)
    if !isNameless { unlink(aside.string) }
    try AtomicFile.flushFolder(path.removingLastComponent())
  }

  private func name(_ name: FilePath) throws {
    let present = isNameless ? "/proc/self/fd/\(descriptor)" : aside.string
    try checked("create", path) { linkat(AT_FDCWD, present, AT_FDCWD, name.string, AT_SYMLINK_FOLLOW) }
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
