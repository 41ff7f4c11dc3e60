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

  /// Replaces every row of every table by the backup's, and carries over what must never be undone.
  ///
  /// - Returns: how many of its authorities the state hasn't any more.
  func replaceRows(now: Date) throws -> Int {
    try keep()
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
    let departed = try count(
      "temp.kept_authorities WHERE is_here AND fingerprint NOT IN (SELECT fingerprint FROM main.authorities)")
    try db.execute(
      sql: """
        INSERT OR IGNORE INTO main.stale_exports SELECT id FROM main.projects UNION SELECT '';
        DROP TABLE temp.kept_authorities; DROP TABLE temp.kept_revocations; DROP TABLE temp.kept_lineages;
        DROP TABLE temp.kept_issuing; DROP TABLE temp.kept_certificates; DROP TABLE temp.kept_crls;
        """)
    return departed
  }

  /// The key files that the restored rows refer to and nobody has.
  func missingKeys() throws -> [KeyFile] {
    try Transaction(db: db, keys: keys).keyFiles().filter { (try? keys.require($0)) == nil }.sorted()
  }

  /// Sets aside what is to be carried over: what the state knows, and what either side kept from earlier restores.
  private func keep() throws {
    try db.execute(
      sql: """
        CREATE TEMP TABLE kept_authorities AS
          SELECT fingerprint, project_id, generation, max(is_retired) AS is_retired,
            max(last_crl_number) AS last_crl_number, max(is_here) AS is_here
          FROM (
            SELECT fingerprint, project_id, generation, stage = 'retired' AS is_retired, last_crl_number, 1 AS is_here
              FROM main.authorities
            UNION ALL SELECT *, 0 FROM main.departed_authorities
            UNION ALL SELECT *, 0 FROM restored.departed_authorities)
          GROUP BY fingerprint;
        CREATE TEMP TABLE kept_revocations AS
          SELECT fingerprint, revoked.serial, reason, revoked_at, expires_at FROM main.revocations AS revoked
            JOIN main.authorities AS issuer ON issuer.id = authority_id
          UNION ALL SELECT * FROM main.departed_revocations
          UNION ALL SELECT * FROM restored.departed_revocations;
        CREATE TEMP TABLE kept_lineages AS
          SELECT project_id, kind, name, created_at, revoked_at FROM main.lineages WHERE revoked_at IS NOT NULL
          UNION ALL SELECT * FROM main.departed_lineages
          UNION ALL SELECT * FROM restored.departed_lineages;
        CREATE TEMP TABLE kept_issuing AS
          SELECT here.*, issuer.fingerprint AS issuer FROM main.authorities AS here
            LEFT JOIN main.authorities AS issuer ON issuer.id = here.issuer_id WHERE here.stage = 'active';
        CREATE TEMP TABLE kept_certificates AS
          SELECT here.fingerprint, here.serial, here.certificate, here.not_before, here.not_after,
            issuer.fingerprint AS issuer
          FROM main.authorities AS here JOIN main.authorities AS issuer ON issuer.id = here.issuer_id;
        CREATE TEMP TABLE kept_crls AS
          SELECT fingerprint, number, this_update, next_update, crl FROM main.crls
            JOIN main.authorities ON id = authority_id WHERE number = last_crl_number;
        """)
  }

  private func carryOver(now: Date) throws {
    try db.execute(
      sql: """
        UPDATE main.authorities SET stage = 'retired'
          WHERE fingerprint IN (SELECT fingerprint FROM temp.kept_authorities WHERE is_retired);
        """)
    try db.execute(
      sql: """
        UPDATE main.authorities SET stage = 'active'
          WHERE stage <> 'retired' AND fingerprint IN (SELECT fingerprint FROM temp.kept_issuing)
            AND NOT EXISTS (SELECT 1 FROM main.authorities AS known
              WHERE ifnull(known.project_id, '') = ifnull(authorities.project_id, '') AND known.stage = 'active');
        """)
    // The roots before those that they signed.
    for owner in ["IS NULL AND EXISTS (SELECT 1 FROM main.authorities)", "IN (SELECT id FROM main.projects)"] {
      try keepIssuing(owner)
    }
    try renewIssuers(now: now)
    try db.execute(
      sql: """
        INSERT OR IGNORE INTO main.revocations (authority_id, serial, reason, revoked_at, expires_at)
          SELECT known.id, kept.serial, kept.reason, kept.revoked_at, kept.expires_at
          FROM temp.kept_revocations AS kept JOIN main.authorities AS known USING (fingerprint);
        UPDATE main.lineages SET revoked_at = kept.revoked_at FROM temp.kept_lineages AS kept
          WHERE lineages.revoked_at IS NULL AND lineages.project_id = kept.project_id AND lineages.kind = kept.kind
            AND lineages.name = kept.name AND lineages.created_at = kept.created_at;
        """)
    try db.execute(
      sql: """
        UPDATE main.authorities SET last_crl_number = max(last_crl_number, ifnull(
          (SELECT last_crl_number FROM temp.kept_authorities AS kept WHERE kept.fingerprint = authorities.fingerprint),
          ?)), crl_due_at = 0
        """, arguments: [now.wholeSeconds])
    // Until the next is signed, which may take a passphrase, the newest that there ever was holds.
    try db.execute(
      sql: """
        INSERT INTO main.crls (authority_id, number, this_update, next_update, crl)
          SELECT known.id, kept.number, kept.this_update, kept.next_update, kept.crl
          FROM temp.kept_crls AS kept JOIN main.authorities AS known USING (fingerprint)
          WHERE NOT EXISTS (SELECT 1 FROM main.crls WHERE authority_id = known.id AND crls.number >= kept.number)
        """)
    try db.execute(
      sql: """
        DELETE FROM main.departed_authorities; DELETE FROM main.departed_revocations;
        DELETE FROM main.departed_lineages;
        INSERT INTO main.departed_authorities
          SELECT fingerprint, project_id, generation, is_retired, last_crl_number FROM temp.kept_authorities
          WHERE fingerprint NOT IN (SELECT fingerprint FROM main.authorities);
        INSERT OR IGNORE INTO main.departed_revocations SELECT * FROM temp.kept_revocations
          WHERE fingerprint NOT IN (SELECT fingerprint FROM main.authorities);
        INSERT OR IGNORE INTO main.departed_lineages SELECT * FROM temp.kept_lineages AS kept
          WHERE NOT EXISTS (SELECT 1 FROM main.lineages AS known WHERE known.kind = kept.kind AND known.name = kept.name
            AND known.project_id = kept.project_id AND known.created_at = kept.created_at);
        """)
  }

  /// Where the backup's certificate of an authority is by a root that was retired since, the one that the state has holds on,
  /// with what was revoked of it.
  private func renewIssuers(now: Date) throws {
    let changed = """
      FROM temp.kept_certificates AS kept JOIN main.authorities AS issuer ON issuer.fingerprint = kept.issuer
      WHERE kept.fingerprint = known.fingerprint AND kept.serial <> known.serial AND issuer.stage <> 'retired'
      """
    let isOutdated = "(SELECT stage FROM main.authorities WHERE id = known.issuer_id) = 'retired'"
    try db.execute(
      sql: """
        INSERT OR IGNORE INTO main.superseded_certificates
          SELECT known.issuer_id, known.serial, known.id, known.not_after, ? FROM main.authorities AS known
          WHERE \(isOutdated) AND EXISTS (SELECT 1 \(changed))
        """, arguments: [now.wholeSeconds])
    try db.execute(
      sql: """
        UPDATE main.authorities AS known
          SET (issuer_id, serial, certificate, not_before, not_after) =
            (SELECT issuer.id, kept.serial, kept.certificate, kept.not_before, kept.not_after \(changed))
          WHERE \(isOutdated) AND EXISTS (SELECT 1 \(changed))
        """)
  }

  /// Where the backup has no authority that may issue any more, as after a rollover that came later, the one that issued up
  /// to now goes on.
  private func keepIssuing(_ owner: String) throws {
    let columns = """
      serial, fingerprint, certificate, key_type, key_file, key_is_encrypted, not_before, not_after, last_crl_number,
        created_at, anchor
      """
    try db.execute(
      sql: """
        INSERT OR IGNORE INTO main.authorities (project_id, generation, stage, issuer_id, \(columns))
        SELECT kept.project_id, kept.generation, 'active',
          (SELECT id FROM main.authorities AS known WHERE known.fingerprint = kept.issuer), \(columns)
        FROM temp.kept_issuing AS kept
        WHERE kept.project_id \(owner) AND NOT EXISTS (SELECT 1 FROM main.authorities AS known
          WHERE ifnull(known.project_id, '') = ifnull(kept.project_id, '') AND known.stage = 'active')
        """)
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
