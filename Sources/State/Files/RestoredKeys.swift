import Foundation
import GRDB
import Glibc
import Host
import SystemPackage

extension Replacement {
  /// Puts the backup's private keys back where there are none. One that comes in another's place is written beside it and
  /// gets its name when the rows that go with it are durable, so that a restore that fails changes no key.
  ///
  /// - Parameter beside: what was written beside others, for whoever has to remove it when the restore fails.
  /// - Throws: ``StateError/key(path:why:remedy:)`` when there is another key of that name and `force` isn't set.
  func stageKeys(force: Bool, beside: inout [FilePath]) throws {
    // What a backup says of its own restoring is over.
    try db.execute(sql: "DELETE FROM main.restored_keys")
    guard try db.tableExists("key_files", in: "restored") else { return }
    let rows = try Row.fetchCursor(db, sql: "SELECT name, content FROM restored.key_files")
    while let row = try rows.next() {
      let file = try KeyFile(row[0] as String)
      let content: Data = row[1]
      do {
        try keys.write(content, as: file)
      } catch StateError.alreadyExists {
        if try keys.read(file) == content { continue }
        let path = keys.path(of: file)
        guard force else {
          throw StateError.key(path: path, why: "the backup has another one", remedy: "use --force to replace it")
        }
        let name = ".\(UUID().uuidString).restored"
        beside.append(path.removingLastComponent().appending(name))
        try AtomicFile.write(content, to: path.removingLastComponent().appending(name), mode: 0o600)
        try db.execute(sql: "INSERT INTO main.restored_keys VALUES (?, ?)", arguments: [file.text, name])
      }
    }
  }
}

extension StateStore {
  /// Gives the keys of a restore their names, now that its rows are durable. A kill on the way leaves the rest of it to the
  /// next command.
  ///
  /// - Throws: ``StateError``, `HostError`.
  func publishRestoredKeys() throws {
    try translated(home.database) {
      guard try pool.read({ try Row.fetchOne($0, sql: "SELECT 1 FROM restored_keys LIMIT 1") }) != nil else { return }
      try pool.write { db in
        for row in try Row.fetchAll(db, sql: "SELECT key_file, beside FROM restored_keys") {
          let path = keys.path(of: try KeyFile(row[0] as String))
          let beside = path.removingLastComponent().appending(row[1] as String)
          guard rename(beside.string, path.string) == 0 || errno == ENOENT else {
            throw HostError.file(doing: "rename into place", path: beside, errno: errno)
          }
        }
        for folder in [home.keys, home.authorityKeys] { try AtomicFile.flushFolder(folder) }
        try db.execute(sql: "DELETE FROM restored_keys")
      }
    }
  }
}
