public import Foundation
import GRDB
public import Names

/// The certificate of a user or cloudpipe that lasts longest of those that are good, and ends soon.
public struct EndingCertificate: Hashable, Sendable {
  public let project: ProjectID
  public let kind: LineageKind
  /// The user's, or the cloudpipe's network's.
  public let name: String
  public let serial: SerialNumber
  public let notBefore: Date
  public let notAfter: Date
}

extension Certificates {
  /// Users who have nothing that lasts longer than the second moment, soonest first; who ended before the first one is out
  /// already.
  ///
  /// - Parameter project: whose; every project's when none is named.
  public func usersEnding(
    from start: Date, to end: Date, in project: ProjectID? = nil, limit: Int = 1000
  ) throws -> [EndingCertificate] {
    // By the index over the end where it is one of a million, from the project's users on where it is one of theirs.
    let source =
      project == nil
      ? "certificates c CROSS JOIN lineages l ON l.id = c.lineage_id"
      : "lineages l CROSS JOIN certificates c ON c.lineage_id = l.id"
    return try ending(
      "\(source) WHERE l.kind = 'user' AND c.not_after BETWEEN :start AND :end", project,
      ["start": start.wholeSeconds, "end": end.wholeSeconds, "limit": limit])
  }

  /// The cloudpipes that were launched and have nothing that lasts longer than this moment, soonest first.
  ///
  /// - Parameter project: whose; every project's when none is named.
  public func serversEnding(
    by end: Date, in project: ProjectID? = nil, limit: Int = 1000
  ) throws -> [EndingCertificate] {
    try ending(
      """
      instances i
      CROSS JOIN lineages l ON l.project_id = i.project_id AND l.kind = 'server' AND l.name = i.network
      CROSS JOIN certificates c ON c.lineage_id = l.id WHERE c.not_after <= :end
      """, project, ["end": end.wholeSeconds, "limit": limit])
  }

  private func ending(
    _ source: String, _ project: ProjectID?, _ arguments: [String: any DatabaseValueConvertible]
  ) throws -> [EndingCertificate] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT l.project_id, l.kind, l.name, c.serial, c.not_before, c.not_after
        FROM \(source) AND l.revoked_at IS NULL \(project == nil ? "" : "AND l.project_id = :project")
          AND \(Self.isGood("c")) AND NOT EXISTS (SELECT 1 FROM certificates later
            WHERE later.lineage_id = c.lineage_id AND later.not_after > c.not_after AND \(Self.isGood("later")))
        ORDER BY c.not_after LIMIT :limit
        """,
      arguments: StatementArguments(arguments.merging(project.map { ["project": $0.text] } ?? [:]) { $1 }))
    return try rows.map { row in
      EndingCertificate(
        project: try ProjectID(row[0] as String), kind: LineageKind(rawValue: row[1]) ?? .user, name: row[2],
        serial: try SerialNumber(row[3] as String), notBefore: Date(timeIntervalSince1970: row[4]),
        notAfter: Date(timeIntervalSince1970: row[5]))
    }
  }

  /// Whether a certificate is neither revoked nor of an authority that isn't trusted any more.
  private static func isGood(_ table: String) -> String {
    """
    NOT EXISTS (SELECT 1 FROM revocations r WHERE r.authority_id = \(table).authority_id AND r.serial = \(table).serial)
    AND EXISTS (SELECT 1 FROM authorities a WHERE a.id = \(table).authority_id AND a.stage <> 'retired')
    """
  }
}
