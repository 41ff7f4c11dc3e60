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
    guard let name = path.lastComponent else { throw HostError.file(doing: "write", path: path, errno: EISDIR) }
    try AtomicFile.checkReplaceable(path)
    guard !home.isOwn(path) else {
      throw StateError.inUse(
        kind: "file", id: path.string, why: "it is a part of the state itself; name another for the backup")
    }
    let aside = path.removingLastComponent().appending(".\(name.string.prefix(150)).\(UUID().uuidString).tmp")
    // VACUUM INTO takes an empty file, and so leaves its mode to us.
    let descriptor = Glibc.open(aside.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw HostError.file(doing: "create", path: aside, errno: errno) }
    Glibc.close(descriptor)
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
