public import Foundation
import GRDB
import Names

/// Why something was revoked, with the numbers of RFC 5280, section 5.3.1. `removeFromCRL` isn't among them: what is
/// revoked stays revoked.
public enum RevocationReason: Int, Codable, Sendable, CaseIterable {
  case unspecified = 0
  case keyCompromise = 1
  case caCompromise = 2
  case affiliationChanged = 3
  case superseded = 4
  case cessationOfOperation = 5
  case certificateHold = 6
  case privilegeWithdrawn = 9
  case aaCompromise = 10
}

/// A serial number that its authority has revoked.
public struct Revocation: Hashable, Codable, Sendable {
  public let authorityId: Int64
  public let serial: SerialNumber
  public let reason: RevocationReason
  public let revokedAt: Date
  /// When the certificate ends by itself, and the entry may leave the CRL.
  public let expiresAt: Date

  public init(
    authorityId: Int64, serial: SerialNumber, reason: RevocationReason, revokedAt: Date, expiresAt: Date
  ) {
    self.authorityId = authorityId
    self.serial = serial
    self.reason = reason
    self.revokedAt = revokedAt
    self.expiresAt = expiresAt
  }
}

extension Revocation: StateRecord {
  static let databaseTableName = "revocations"
}

/// What is revoked. Rows are only ever added: the schema refuses to change or delete one.
public struct Revocations {
  let db: Database

  /// Revokes one serial number. False when it was revoked before, whose date and reason then stay.
  @discardableResult
  public func insert(_ revocation: Revocation) throws -> Bool {
    try changing("revocation of", revocation.serial.text) {
      try db.execute(
        sql: """
          INSERT INTO revocations (authority_id, serial, reason, revoked_at, expires_at) VALUES (?, ?, ?, ?, ?)
          ON CONFLICT DO NOTHING
          """,
        arguments: [
          revocation.authorityId, revocation.serial.text, revocation.reason.rawValue,
          revocation.revokedAt.wholeSeconds, revocation.expiresAt.wholeSeconds,
        ])
    }
    return db.changesCount > 0
  }

  /// Revokes every certificate of a lineage and ends it. Gives the authorities that have to issue a CRL now; none when
  /// the lineage was revoked before.
  ///
  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func revoke(lineage id: Int64, reason: RevocationReason, at date: Date) throws -> [Int64] {
    guard try Lineages(db: db).get(id).revokedAt == nil else { return [] }
    let authorities = try Int64.fetchAll(
      db,
      sql: """
        INSERT INTO revocations (authority_id, serial, reason, revoked_at, expires_at)
        SELECT authority_id, serial, ?, ?, not_after FROM certificates WHERE lineage_id = ?
        ON CONFLICT DO NOTHING RETURNING authority_id
        """, arguments: [reason.rawValue, date.wholeSeconds, id])
    try db.execute(sql: "UPDATE lineages SET revoked_at = ? WHERE id = ?", arguments: [date.wholeSeconds, id])
    return Set(authorities).sorted()
  }

  public func find(_ serial: SerialNumber, of authority: Int64) throws -> Revocation? {
    try Revocation.fetchOne(
      db, sql: "SELECT * FROM revocations WHERE authority_id = ? AND serial = ?", arguments: [authority, serial.text])
  }

  /// What the authority's next CRL has to list, ordered by serial number.
  ///
  /// An entry leaves only after it was on a CRL issued when its certificate had already ended (RFC 5280, 3.3).
  public func listed(of authority: Int64) throws -> [Revocation] {
    var listed: [Revocation] = []
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT serial, reason, revoked_at, expires_at FROM revocations
        WHERE authority_id = :authority AND max(expires_at, revoked_at) >=
          ifnull((SELECT this_update FROM crls WHERE authority_id = :authority ORDER BY number DESC LIMIT 1), 0)
        ORDER BY serial
        """, arguments: ["authority": authority])
    // By hand and not through Codable, which takes ten times as long; there may be 100,000.
    while let row = try rows.next() {
      listed.append(
        Revocation(
          authorityId: authority, serial: try SerialNumber(row[0] as String),
          reason: RevocationReason(rawValue: row[1]) ?? .unspecified,
          revokedAt: Date(timeIntervalSince1970: row[2]), expiresAt: Date(timeIntervalSince1970: row[3])))
    }
    return listed
  }
}
