import Foundation
import Glibc
import Host
public import SystemPackage

/// The folder that holds all of cpbuild's state: the database, the private keys, and the exports for other programs.
public struct Home: Hashable, Sendable, CustomStringConvertible {
  /// An absolute path.
  public let path: FilePath

  public init(_ path: FilePath) {
    self.path = (path.isAbsolute ? path : FilePath(FileManager.default.currentDirectoryPath).appending(path.components))
      .lexicallyNormalized()
  }

  /// Which folder to use: the `--home` option, else `$CPBUILD_HOME`, else `/var/lib/cpbuild` for root, and
  /// `$XDG_STATE_HOME/cpbuild` (by default `~/.local/state/cpbuild`) for anyone else.
  ///
  /// Empty values count as not given, and so does a relative `$XDG_STATE_HOME`, as the XDG Base Directory Specification
  /// asks for.
  ///
  /// - Throws: ``StateError/homeUnusable(path:why:remedy:)`` when there is nothing to go by.
  public static func resolve(option: String?, environment: [String: String], isRoot: Bool) throws -> Home {
    func given(_ value: String?) -> String? { value.flatMap { $0.isEmpty ? nil : $0 } }
    if let path = given(option) ?? given(environment["CPBUILD_HOME"]) { return Home(FilePath(path)) }
    if isRoot { return Home("/var/lib/cpbuild") }
    if let path = given(environment["XDG_STATE_HOME"]), path.hasPrefix("/") {
      return Home(FilePath(path).appending("cpbuild"))
    }
    guard let path = given(environment["HOME"]), path.hasPrefix("/") else {
      throw StateError.homeUnusable(
        path: "~/.local/state/cpbuild", why: "the environment has no HOME", remedy: "give a folder with --home")
    }
    return Home(FilePath(path).appending(".local/state/cpbuild"))
  }

  /// ``resolve(option:environment:isRoot:)`` for this process.
  public static func resolve(option: String?) throws -> Home {
    try resolve(option: option, environment: ProcessInfo.processInfo.environment, isRoot: geteuid() == 0)
  }

  public var description: String { path.string }

  /// The SQLite database.
  public var database: FilePath { path.appending("state.db") }
  /// Held while the database is opened, migrated or put aside.
  public var lock: FilePath { path.appending("state.lock") }
  /// Held while a backup is being restored.
  var restoring: FilePath { path.appending("restore.lock") }
  /// Private keys of instances and key pairs.
  public var keys: FilePath { path.appending("keys") }
  /// Certificates and CRLs for other programs, one folder a project below `projects`.
  public var authorities: FilePath { path.appending("CA") }
  /// Private keys of the certificate authorities.
  public var authorityKeys: FilePath { path.appending("CA/private") }
  /// The parent of the projects' exports.
  public var projects: FilePath { path.appending("CA/projects") }

  /// Refuses a file to write that is a part of the state itself, however it is spelled.
  ///
  /// - Throws: ``StateError/inUse(kind:id:why:)``.
  public func checkIsNotOwn(_ path: FilePath) throws {
    guard isOwn(path) else { return }
    throw StateError.inUse(kind: "file", id: path.string, why: "it is a part of the state itself; name another")
  }

  /// Whether `path` is the database, one of the files that belong to it, or in a folder of keys or of what is exported.
  private func isOwn(_ path: FilePath) -> Bool {
    let files = [database.string, database.string + "-wal", database.string + "-shm", lock.string, restoring.string]
    if files.contains(where: { Self.isSame(path.string, $0) }) { return true }
    var folder = path.removingLastComponent()
    folder = FilePath(Self.realpath(folder.isEmpty ? "." : folder.string))
    while folder.lastComponent != nil {
      if [keys, authorities].contains(where: { Self.isSame(folder.string, $0.string) }) { return true }
      folder.removeLastComponent()
    }
    return false
  }

  private static func isSame(_ first: String, _ second: String) -> Bool {
    var (one, other) = (stat(), stat())
    return lstat(first, &one) == 0 && lstat(second, &other) == 0 && one.st_dev == other.st_dev
      && one.st_ino == other.st_ino
  }

  private static func realpath(_ path: String) -> String {
    guard let found = Glibc.realpath(path, nil) else { return path }
    defer { free(found) }
    return String(cString: found)
  }

  /// Refuses a home whose keys or exports are there and whose database isn't: a new one would be taken for the old one, and
  /// its keys swept as nobody's. A database is made before the first key, so that no kill leaves a home like this.
  ///
  /// - Throws: ``StateError/lost(home:)``.
  public func checkIsNotLost() throws {
    // Once more afterwards: what is being made at this moment has the database first.
    guard isWithoutDatabase, try holdsFiles(), isWithoutDatabase else { return }
    throw StateError.lost(home: path)
  }

  private var isWithoutDatabase: Bool {
    var status = stat()
    return lstat(database.string, &status) == 0 ? status.st_size == 0 : errno == ENOENT
  }

  /// Whether there are private keys, or files for other programs.
  func holdsFiles() throws -> Bool {
    try holdsExports() || [keys, authorityKeys].contains { try !Self.names(in: $0).isEmpty }
  }

  /// Whether there are files for other programs, which come from rows.
  func holdsExports() throws -> Bool {
    try Self.names(in: authorities).contains { $0.hasSuffix(".pem") } || !Self.names(in: projects).isEmpty
  }

  private static func names(in folder: FilePath) throws -> [String] {
    try Folder.names(in: folder).filter { !$0.hasPrefix(".") }
  }

  /// Before a restore into a home that is lost: what a kill of it leaves must not pass for a new state. The mark is one among
  /// the exports, and goes when those are repaired.
  func markAsLost() throws { try AtomicFile.write(Data(), to: authorities.appending("lost.pem"), mode: 0o600) }

  /// Makes the folder and those below it, mode 0700, and sees to it that nobody else can look in.
  ///
  /// An empty folder that somebody else could enter is closed; one with content is refused, since it may be one like
  /// /tmp that was named by mistake.
  ///
  /// - Throws: ``StateError/homeUnusable(path:why:remedy:)``, `HostError`.
  public func prepare() throws {
    try Folder.make(path, mode: 0o700)
    var status = stat()
    guard lstat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw StateError.homeUnusable(
        path: path, why: "it isn't a folder itself", remedy: "name the folder, not a link to it")
    }
    guard status.st_uid == geteuid() else {
      throw StateError.homeUnusable(
        path: path, why: "it belongs to user \(status.st_uid)", remedy: "run cpbuild as that user or use another --home"
      )
    }
    if status.st_mode & 0o077 != 0 {
      guard try Folder.names(in: path).isEmpty, chmod(path.string, 0o700) == 0 else {
        throw StateError.homeUnusable(
          path: path, why: "other users can look in",
          remedy: "if it is meant for cpbuild alone, run 'chmod 700 \(path)'")
      }
    }
    for folder in [keys, authorities, authorityKeys, projects] { try Folder.make(folder, mode: 0o700) }
  }
}
