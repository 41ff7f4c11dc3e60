import Foundation
import GRDB
import Glibc
import Host
import SystemPackage

/// A private copy of a backup, checked and brought up to date, that a restore reads from.
struct StagedBackup: ~Copyable {
  let path: FilePath

  /// What the names of such copies begin with.
  static let prefix = ".restore-"

  /// Copies the backup into `home` and checks it: it is ours, no newer than this program, undamaged, without dangling
  /// references, and its schema is exactly the one that our migrations make, so that no trigger or view from elsewhere
  /// comes in with it.
  ///
  /// - Throws: ``StateError``, `HostError`.
  init(of backup: FilePath, in home: Home) throws {
    path = home.path.appending("\(Self.prefix)\(UUID().uuidString).db")
    do {
      guard FileManager.default.createFile(atPath: path.string, contents: nil, attributes: [.posixPermissions: 0o600])
      else { throw HostError.file(doing: "create", path: path, errno: errno) }
      try Self.copy(backup, to: path)
      try translated(backup) { try Self.check(path, named: backup) }
    } catch {
      Self.remove(path)
      throw error
    }
  }

  deinit { Self.remove(path) }

  /// Nothing but a SQLite database is copied: a device may have no end, and fill the disk.
  private static func copy(_ source: FilePath, to path: FilePath) throws {
    let input = open(source.string, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard input >= 0 else { throw HostError.file(doing: "open", path: source, errno: errno) }
    defer { close(input) }
    var status = stat()
    var head = [UInt8](repeating: 0, count: magic.count)
    guard fstat(input, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      pread(input, &head, head.count, 0) == head.count, head == magic
    else { throw StateError.notState(path: source) }
    let output = open(path.string, O_WRONLY | O_CLOEXEC)
    guard output >= 0 else { throw HostError.file(doing: "open", path: path, errno: errno) }
    defer { close(output) }
    while true {
      let count = sendfile(output, input, nil, 1 << 24)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw HostError.file(doing: "copy a backup to", path: path, errno: errno) }
      if count == 0 { return }
    }
  }

  /// What each SQLite database begins with (https://www.sqlite.org/fileformat.html, 1.3).
  private static let magic = Array("SQLite format 3\0".utf8)

  private static func check(_ path: FilePath, named name: FilePath) throws {
    let staged = try DatabaseQueue(path: path.string, configuration: Schema.configuration())
    let id = try staged.read { try Int.fetchOne($0, sql: "PRAGMA application_id") }
    guard id == Schema.applicationID else { throw StateError.notState(path: name) }
    try reportDamage(staged, name)
    try Schema.bringUpToDate(staged, path: name)
    try reportDamage(staged, name)
    let expected = try DatabaseQueue(configuration: Schema.configuration())
    try Schema.bringUpToDate(expected, path: name)
    guard try staged.read(schema) == expected.read(schema) else {
      throw StateError.damaged(path: name, findings: ["its tables aren't the ones that cpbuild makes"])
    }
    try staged.close()
  }

  private static func reportDamage(_ staged: DatabaseQueue, _ name: FilePath) throws {
    let findings = try staged.read(StateStore.findings)
    guard findings.isEmpty else { throw StateError.damaged(path: name, findings: findings) }
  }

  /// Every table, index, trigger and view, but for the keys that a backup has beside them.
  private static func schema(_ db: Database) throws -> Set<String> {
    try String.fetchSet(
      db,
      sql: """
        SELECT type || ' ' || name || ' ' || tbl_name || ' ' || ifnull(sql, '') FROM sqlite_master
        WHERE tbl_name <> 'key_files' OR sql LIKE 'CREATE TRIGGER%'
        """)
  }

  /// Removes the copies that killed restores left, unless a restore is at work.
  static func sweep(_ home: Home) throws {
    let names = try Folder.names(in: home.path).filter { $0.hasPrefix(prefix) }
    guard !names.isEmpty, let lock = try? FileLock.take(home.restoring) else { return }
    defer { withExtendedLifetime(lock) {} }
    for name in names { try Folder.remove(home.path.appending(name)) }
  }

  private static func remove(_ path: FilePath) {
    for suffix in ["", "-journal", "-wal", "-shm"] { unlink(path.string + suffix) }
  }
}
