public import Foundation
import GRDB
import Glibc
import Host
public import SystemPackage

extension StateStore {
  /// Replaces the state in `home` by a backup, in one transaction: other processes see the old state or the new.
  ///
  /// A restore never un-revokes. Revocations, ended lineages and retired authorities that the state knows are kept, and
  /// the CRL numbers of the authorities go on from the highest that either knows. Of an authority that the present
  /// state doesn't know (on a new machine, or after a loss) nobody can tell how far its numbers had come, and a
  /// cloudpipe refuses a CRL whose number isn't above its last; so those go on from the present Unix time in
  /// seconds, which no counting has reached. What is known of an authority that the backup hasn't is kept for the day on which
  /// another restore brings that back, and generations go on from the highest. Where a rollover came after the backup, the
  /// authority that issued up to now goes on.
  ///
  /// A state that is too damaged to be opened is put aside as `state.db.damaged-<time>` when `force` is set.
  ///
  /// - Parameter force: go on even if that loses what the backup doesn't have.
  /// - Throws: ``StateError/restoreLoses(_:backup:)``, which says what, unless `force` is set;
  ///   ``StateError/damaged(path:findings:)``, ``StateError/newerVersion(path:)`` and ``StateError/notState(path:)`` for
  ///   a backup that can't be used; `HostError`. The state is unchanged then.
  public static func restore(
    _ backup: FilePath, into home: Home, force: Bool = false, now: Date = Date()
  ) async throws -> RestoreReport {
    try home.prepare()
    let lock = try await FileLock.wait(for: home.restoring)
    defer { withExtendedLifetime(lock) {} }
    let staged = try StagedBackup(of: backup, in: home)
    do { try home.checkIsNotLost() } catch StateError.lost { try home.markAsLost() }
    let store = try await openOrPutAside(home, force: force, now: now)
    let report = try await store.replace(by: staged.path, backup: backup, force: force, now: now)
    try store.publishRestoredKeys()
    try await store.exports.repair()
    try store.close()
    return report
  }

  private static func openOrPutAside(_ home: Home, force: Bool, now: Date) async throws -> StateStore {
    do {
      let store = try await open(home, restoring: true)
      guard force, case let findings = try await store.read({ try findings($0.db) }), !findings.isEmpty else {
        return store
      }
      try store.close()
    } catch StateError.damaged where force {
    } catch StateError.notState where force {}
    try await putAside(home, now: now)
    return try await open(home, restoring: true)
  }

  private static func putAside(_ home: Home, now: Date) async throws {
    let lock = try await FileLock.wait(for: home.lock)
    defer { withExtendedLifetime(lock) {} }
    for suffix in ["-wal", "-shm", ""] {
      let path = home.database.string + suffix
      let aside = "\(home.database).damaged-\(now.wholeSeconds)\(suffix)"
      guard rename(path, aside) == 0 || errno == ENOENT else {
        throw HostError.file(doing: "put aside", path: FilePath(path), errno: errno)
      }
    }
  }

  private func replace(by staged: FilePath, backup: FilePath, force: Bool, now: Date) async throws -> RestoreReport {
    let keys = keys
    return try await translated(home.database) {
      try await pool.writeWithoutTransaction { db in
        // Neither is possible inside of a transaction. All rows go and come, so references are checked at the end.
        try db.execute(sql: "ATTACH DATABASE ? AS restored; PRAGMA foreign_keys = OFF", arguments: [staged.string])
        defer { try? db.execute(sql: "DETACH DATABASE restored; PRAGMA foreign_keys = ON") }
        var report: RestoreReport?
        var besideKeys: [FilePath] = []
        do {
          try db.inTransaction(.immediate) {
            let replacement = Replacement(db: db, keys: keys)
            var loss = try replacement.loss()
            guard force || loss.isEmpty else { throw StateError.restoreLoses(loss, backup: backup) }
            loss.authorities = try replacement.replaceRows(now: now)
            try replacement.stageKeys(force: force, beside: &besideKeys)
            let findings = try Self.findings(db)
            guard findings.isEmpty else { throw StateError.damaged(path: backup, findings: findings) }
            report = RestoreReport(
              loss: loss, missingKeys: try replacement.missingKeys(),
              withoutAuthority: try Authorities(db: db, keys: keys).missing())
            return .commit
          }
        } catch {
          for path in besideKeys { unlink(path.string) }
          throw error
        }
        return try report.orNotFound("report of restoring", backup.string)
      }
    }
  }
}
