import Foundation
import GRDB
import Glibc
import Host
public import SystemPackage

extension StateStore {
  /// Writes a backup: one SQLite file of mode 0600 that holds a consistent snapshot of the state, taken while others
  /// write, and the private keys that it refers to, without which it could restore no authority. Guard it like them.
  ///
  /// - Parameter path: replaced whole, when the backup is whole and durable.
  /// - Throws: ``StateError``, `HostError`, `CancellationError`; nothing is left behind then.
  public func backup(to path: FilePath) async throws {
    guard path.lastComponent != nil else { throw HostError.file(doing: "write", path: path, errno: EISDIR) }
    try AtomicFile.checkReplaceable(path)
    try home.checkIsNotOwn(path)
    let folder = path.removingLastComponent()
    Self.sweepBackups(in: folder.isEmpty ? "." : folder)
    let aside = folder.appending("\(Self.asidePrefix)\(UUID().uuidString)\(Self.asideSuffix)")
    // VACUUM INTO takes an empty file, and so leaves its mode to us.
    let descriptor = Glibc.open(aside.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw HostError.file(doing: "create", path: aside, errno: errno) }
    // Closed after SQLite has closed the file: whoever closes one loses its own locks of it too.
    defer { Glibc.close(descriptor) }
    flock(descriptor, LOCK_EX | LOCK_NB)
    do {
      try await translated(aside) {
        try await pool.unsafeRead { try $0.execute(sql: "VACUUM INTO ?", arguments: [aside.string]) }
        try addKeys(to: aside)
      }
      try AtomicFile.flush(aside)
      try AtomicFile.publish(aside, as: path)
    } catch {
      for suffix in ["", "-journal"] { unlink(aside.string + suffix) }
      throw error
    }
  }

  private static let asidePrefix = ".cpbuild-backup."
  private static let asideSuffix = ".tmp"

  /// Removes what backups that were killed left in the folder: files that nobody holds any more, and hasn't for a minute.
  private static func sweepBackups(in folder: FilePath) {
    for name in (try? Folder.names(in: folder)) ?? [] where name.hasPrefix(asidePrefix) && name.hasSuffix(asideSuffix) {
      let path = folder.appending(name)
      let descriptor = Glibc.open(path.string, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { Glibc.close(descriptor) }
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
        Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec) > 60, flock(descriptor, LOCK_EX | LOCK_NB) == 0
      else { continue }
      for suffix in ["", "-journal"] { unlink(path.string + suffix) }
    }
  }

  private func addKeys(to path: FilePath) throws {
    let backup = try DatabaseQueue(path: path.string, configuration: Schema.configuration())
    try backup.write { db in
      try db.execute(sql: "CREATE TABLE key_files (name TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL) STRICT")
      for file in try Transaction(db: db, keys: keys).keyFiles() {
        try db.execute(sql: "INSERT INTO key_files VALUES (?, ?)", arguments: [file.text, keys.read(file)])
      }
    }
    try backup.close()
  }
}
