import Foundation
import GRDB
import Host
import Names

/// The steps of a restore inside of its transaction, with the checked backup attached as `restored`.
///
/// Authorities are known by their certificates' fingerprints, since row ids of two histories may mean different ones.
struct Replacement {
  let db: Database
  let keys: KeyStore

  /// What the state has and the backup hasn't.
  func loss() throws -> RestoreLoss {
    var loss = RestoreLoss()
    loss.projects = try String.fetchAll(
      db, sql: "SELECT id FROM main.projects EXCEPT SELECT id FROM restored.projects ORDER BY 1"
    ).map { try ProjectID($0) }
    loss.networks = try count(
      "(SELECT project_id, name FROM main.networks EXCEPT SELECT project_id, name FROM restored.networks)")
    loss.authorities = try count(
      "(SELECT fingerprint FROM main.authorities EXCEPT SELECT fingerprint FROM restored.authorities)")
    loss.instances = try count(
      """
      (SELECT project_id, network, created_at FROM main.instances
        EXCEPT SELECT project_id, network, created_at FROM restored.instances)
      """)
    loss.certificates = try count(unknown("certificates"))
    loss.revocations = try count(unknown("revocations"))
    loss.crlNumbers = try count(
      """
      main.authorities AS here JOIN restored.authorities AS there USING (fingerprint)
      WHERE here.last_crl_number > there.last_crl_number
      """)
    return loss
  }

  /// Puts the backup's private keys back where there are none.
  ///
  /// - Throws: ``StateError/key(path:why:remedy:)`` when there is another key of that name and `force` isn't set.
  func restoreKeys(force: Bool) throws {
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
        try AtomicFile.write(content, to: path, mode: 0o600)
      }
    }
  }

  /// Replaces every row of every table by the backup's, and carries over what must never be undone.
  func replaceRows(now: Date) throws {
    try db.execute(
      sql: """
        CREATE TEMP TABLE kept_authorities AS SELECT id, fingerprint, stage, last_crl_number FROM main.authorities;
        CREATE TEMP TABLE kept_revocations AS SELECT fingerprint, revoked.* FROM main.revocations AS revoked
          JOIN main.authorities ON id = authority_id;
        CREATE TEMP TABLE kept_lineages AS SELECT project_id, kind, name, created_at, revoked_at FROM main.lineages
          WHERE revoked_at IS NOT NULL;
        """)
    // The triggers guard against changes one by one, and would refuse this one.
    let triggers = try Row.fetchAll(db, sql: "SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'")
    for trigger in triggers {
      try db.execute(sql: "DROP TRIGGER main.\((trigger[0] as String).quotedDatabaseIdentifier)")
    }
    for table in try tables() {
      try db.execute(sql: "DELETE FROM main.\(table); INSERT INTO main.\(table) SELECT * FROM restored.\(table)")
    }
    try carryOver(now: now)
    for trigger in triggers { try db.execute(sql: trigger[1]) }
    try db.execute(
      sql: """
        INSERT OR IGNORE INTO main.stale_exports SELECT id FROM main.projects UNION SELECT '';
        DROP TABLE temp.kept_authorities; DROP TABLE temp.kept_revocations; DROP TABLE temp.kept_lineages;
        """)
  }

  /// The key files that the restored rows refer to and nobody has.
  func missingKeys() throws -> [KeyFile] {
    try Transaction(db: db, keys: keys).keyFiles().filter { (try? keys.require($0)) == nil }.sorted()
  }

  private func carryOver(now: Date) throws {
    try db.execute(
      sql: """
        INSERT OR IGNORE INTO main.revocations (authority_id, serial, reason, revoked_at, expires_at)
          SELECT known.id, kept.serial, kept.reason, kept.revoked_at, kept.expires_at
          FROM temp.kept_revocations AS kept JOIN main.authorities AS known USING (fingerprint);
        UPDATE main.lineages SET revoked_at = kept.revoked_at FROM temp.kept_lineages AS kept
          WHERE lineages.revoked_at IS NULL AND lineages.project_id = kept.project_id AND lineages.kind = kept.kind
            AND lineages.name = kept.name AND lineages.created_at = kept.created_at;
        UPDATE main.authorities SET stage = 'retired'
          WHERE fingerprint IN (SELECT fingerprint FROM temp.kept_authorities WHERE stage = 'retired');
        """)
    try db.execute(
      sql: """
        UPDATE main.authorities SET last_crl_number = max(last_crl_number, ifnull(
          (SELECT last_crl_number FROM temp.kept_authorities AS kept WHERE kept.fingerprint = authorities.fingerprint),
          ?)), crl_due_at = 0
        """, arguments: [now.wholeSeconds])
  }

  private func tables() throws -> [String] {
    try String.fetchAll(
      db,
      sql: """
        SELECT name FROM main.sqlite_master
        WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'grdb_%'
        """
    ).map(\.quotedDatabaseIdentifier)
  }

  private func count(_ source: String) throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM \(source)") ?? 0
  }

  /// The rows of a table keyed by authority and serial number that the backup hasn't.
  private func unknown(_ table: String) -> String {
    """
    main.\(table) AS here JOIN main.authorities ON main.authorities.id = here.authority_id
    WHERE NOT EXISTS (SELECT 1 FROM restored.authorities JOIN restored.\(table) AS there
      ON there.authority_id = restored.authorities.id
      WHERE restored.authorities.fingerprint = main.authorities.fingerprint AND there.serial = here.serial)
    """
  }
}
