public import Foundation
import GRDB
public import Names

extension Lineages {
  /// The project's live lineages that have a certificate of `authority` and none of another authority in its stead:
  /// whom the end of the trust in `authority` would lock out.
  ///
  /// - Parameter date: certificates that have ended by then, and revoked ones, don't count.
  public func depending(on authority: Int64, of project: ProjectID, at date: Date) throws -> [Lineage] {
    try Lineage.fetchAll(
      db,
      sql: """
        SELECT * FROM lineages WHERE project_id = :project AND revoked_at IS NULL
          AND EXISTS (SELECT 1 \(Self.valid) AND c.authority_id = :authority)
          AND NOT EXISTS (SELECT 1 \(Self.valid) AND c.authority_id <> :authority)
        ORDER BY kind, name
        """, arguments: ["project": project.text, "authority": authority, "now": date.wholeSeconds])
  }

  /// The project's users with a valid certificate, none of which was issued after `moment`: who can't know of an
  /// authority that was announced then.
  public func users(of project: ProjectID, unchangedSince moment: Date, at date: Date) throws -> [Lineage] {
    try Lineage.fetchAll(
      db,
      sql: """
        SELECT * FROM lineages WHERE project_id = :project AND kind = 'user' AND revoked_at IS NULL
          AND EXISTS (SELECT 1 \(Self.valid)) AND NOT EXISTS (SELECT 1 \(Self.valid) AND c.created_at > :moment)
        ORDER BY name
        """,
      arguments: ["project": project.text, "moment": moment.wholeSeconds, "now": date.wholeSeconds])
  }

  /// The lineage's certificates that are neither over nor revoked.
  private static let valid = """
    FROM certificates c WHERE c.lineage_id = lineages.id AND c.not_after >= :now AND NOT EXISTS (
      SELECT 1 FROM revocations r WHERE r.authority_id = c.authority_id AND r.serial = c.serial)
    """
}
