public import Foundation
import GRDB
public import Names

/// One trusted authority and its newest CRL, without their bytes: what `ca show` and `crl show` tell of.
public struct AuthorityOverview: Hashable, Sendable {
  public let id: Int64
  /// Nil for a root CA.
  public let project: ProjectID?
  public let generation: Int
  public let stage: AuthorityStage
  public let serial: SerialNumber
  public let keyType: KeyType
  public let keyIsEncrypted: Bool
  public let notBefore: Date
  public let notAfter: Date
  /// Since when the root's CRL lists it; nil while it doesn't.
  public let revokedAt: Date?
  /// When its next CRL is due; 1970 when it has none.
  public let crlDueAt: Date
  /// Its newest CRL's; nil before the first.
  public let crlNumber: Int64?
  public let thisUpdate: Date?
  public let nextUpdate: Date?
}

extension Authorities {
  /// The authorities that are trusted: the roots and those of the project, or of every project when none is named. Roots
  /// first, then by project, the newest generation first.
  public func overview(of project: ProjectID? = nil) throws -> [AuthorityOverview] {
    // The index over the project is one over this very expression.
    let scope = project == nil ? "" : "AND ifnull(a.project_id, '') IN ('', :project)"
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT a.id, a.project_id, a.generation, a.stage, a.serial, a.key_type, a.key_is_encrypted, a.not_before,
          a.not_after, r.revoked_at, a.crl_due_at, c.number, c.this_update, c.next_update
        FROM authorities a
        LEFT JOIN revocations r ON r.authority_id = a.issuer_id AND r.serial = a.serial
        LEFT JOIN crls c ON c.authority_id = a.id
          AND c.number = (SELECT max(number) FROM crls WHERE authority_id = a.id)
        WHERE a.stage <> 'retired' \(scope)
        ORDER BY ifnull(a.project_id, ''), a.generation DESC
        """, arguments: project.map { ["project": $0.text] } ?? [:])
    var overview: [AuthorityOverview] = []
    while let row = try rows.next() { overview.append(try AuthorityOverview(row)) }
    return overview
  }
}

extension Authorities {
  /// Whose authorities have all been retired or lost by restores, so that nobody issues for them: projects, or the root,
  /// which is nil and the first.
  ///
  /// - Parameter project: the only project to look at.
  public func missing(of project: ProjectID? = nil) throws -> [ProjectID?] {
    let owners = project == nil ? "SELECT id AS owner FROM projects" : "SELECT :project AS owner"
    let found = try String.fetchAll(
      db,
      sql: """
        SELECT owner FROM (SELECT '' AS owner UNION ALL \(owners))
        WHERE NOT EXISTS (SELECT 1 FROM authorities a
            WHERE ifnull(a.project_id, '') = owner AND a.stage = 'active' AND a.stage <> 'retired')
          AND (EXISTS (SELECT 1 FROM authorities a WHERE ifnull(a.project_id, '') = owner)
            OR EXISTS (SELECT 1 FROM departed_authorities d WHERE ifnull(d.project_id, '') = owner AND owner <> ''))
        ORDER BY owner
        """, arguments: project.map { ["project": $0.text] } ?? [:])
    return try found.map { $0.isEmpty ? nil : try ProjectID($0) }
  }
}

extension AuthorityOverview {
  /// By hand and not through Codable, which takes several times as long; there may be 10,000.
  init(_ row: Row) throws {
    func date(_ column: Int) -> Date { Date(timeIntervalSince1970: row[column]) }
    id = row[0]
    project = try (row[1] as String?).map { try ProjectID($0) }
    generation = row[2]
    stage = AuthorityStage(rawValue: row[3]) ?? .retired
    serial = try SerialNumber(row[4] as String)
    keyType = KeyType(rawValue: row[5]) ?? .p256
    keyIsEncrypted = row[6]
    notBefore = date(7)
    notAfter = date(8)
    revokedAt = (row[9] as Double?).map(Date.init(timeIntervalSince1970:))
    crlDueAt = date(10)
    crlNumber = row[11]
    thisUpdate = (row[12] as Double?).map(Date.init(timeIntervalSince1970:))
    nextUpdate = (row[13] as Double?).map(Date.init(timeIntervalSince1970:))
  }
}
