public import Foundation
import GRDB
public import Names

/// A user's certificate, and what became of it.
public struct UserCertificate: Hashable, Sendable {
  public let user: UserName
  public let serial: SerialNumber
  public let notBefore: Date
  public let notAfter: Date
  /// Nil while it isn't revoked.
  public let revokedAt: Date?
  public let reason: RevocationReason?
}

extension Certificates {
  /// The certificates of all of the project's users, ordered by user; of each the one that lasts longest first.
  public func ofUsers(in project: ProjectID) throws -> [UserCertificate] {
    // From the project's authorities on, which indexes answer; and by hand, since there may be many.
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT lineages.name, certificates.serial, certificates.not_before, certificates.not_after,
          revocations.revoked_at, revocations.reason
        FROM authorities
        CROSS JOIN certificates ON certificates.authority_id = authorities.id
        CROSS JOIN lineages ON lineages.id = certificates.lineage_id AND lineages.kind = 'user'
        LEFT JOIN revocations ON revocations.authority_id = certificates.authority_id
          AND revocations.serial = certificates.serial
        WHERE ifnull(authorities.project_id, '') = ?
        ORDER BY lineages.name, certificates.not_after DESC, certificates.rowid DESC
        """, arguments: [project.text])
    var found: [UserCertificate] = []
    while let row = try rows.next() {
      found.append(
        UserCertificate(
          user: try UserName(row[0] as String), serial: try SerialNumber(row[1] as String),
          notBefore: Date(timeIntervalSince1970: row[2]), notAfter: Date(timeIntervalSince1970: row[3]),
          revokedAt: (row[4] as Double?).map(Date.init(timeIntervalSince1970:)),
          reason: (row[5] as Int?).flatMap(RevocationReason.init(rawValue:))))
    }
    return found
  }
}
