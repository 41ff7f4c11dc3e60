public import Foundation
import GRDB
import Glibc
import Host
public import SystemPackage

extension StateStore {
  /// Removes key files that no row refers to, as a kill between writing a key and committing its row leaves them.
  ///
  /// It holds the write lock, and rows that refer to a key file check under that lock that it is there. So a key that is
  /// just being put to use is either kept or found missing by the transaction that wants it, never lost silently.
  ///
  /// - Parameter age: files that are younger, in seconds, are left alone, for their rows may be on the way.
  /// - Returns: what was removed.
  /// - Throws: ``StateError``, `HostError`.
  @discardableResult
  public func sweepKeys(olderThan age: TimeInterval = 3600, now: Date = Date()) async throws -> [FilePath] {
    try await write { transaction in
      let referred = try transaction.keyFiles()
      let orphans = try keys.files(now: now).filter { file in
        file.age >= age && !(file.key.map(referred.contains) ?? false)
      }
      for orphan in orphans {
        guard unlink(orphan.path.string) == 0 || errno == ENOENT else {
          throw HostError.file(doing: "remove", path: orphan.path, errno: errno)
        }
      }
      return orphans.map(\.path)
    }
  }
}

extension StateStore {
  /// Sweeps when the last time was more than a day ago: looking at all key files takes too long for every command.
  ///
  /// - Throws: ``StateError``, `HostError`.
  public func sweepKeysDaily(now: Date = Date()) async throws {
    let stamp = home.path.appending("swept").string
    var status = stat()
    if stat(stamp, &status) == 0, abs(now.timeIntervalSince1970 - Double(status.st_mtim.tv_sec)) < 86_400 { return }
    try await sweepKeys(now: now)
    try AtomicFile.write(Data(), to: FilePath(stamp), mode: 0o600)
  }
}

extension Transaction {
  /// The key files that rows refer to.
  func keyFiles() throws -> Set<KeyFile> {
    // `>= ''` and not `IS NOT NULL`, for which SQLite would look at every user's certificate, of which none has one.
    let texts = try String.fetchSet(
      db,
      sql: """
        SELECT key_file FROM authorities WHERE key_file IS NOT NULL
        UNION ALL SELECT key_file FROM certificates WHERE key_file >= ''
        UNION ALL SELECT key_file FROM key_pairs UNION ALL SELECT key_file FROM tunnel_keys
        """)
    return Set(try texts.map { try KeyFile($0) })
  }
}
