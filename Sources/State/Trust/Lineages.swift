public import Foundation
import GRDB
public import Names

/// The lineages: at most one live one a user and project.
public struct Lineages {
  let db: Database

  /// The user's live lineage, begun if there is none.
  @discardableResult
  public func ensure(_ user: UserName, of project: ProjectID, at date: Date) throws -> Lineage {
    try ensure(.user, user.text, of: project, at: date)
  }

  /// The live lineage of the network's cloudpipe, begun if there is none.
  @discardableResult
  public func ensure(server network: NetworkName, of project: ProjectID, at date: Date) throws -> Lineage {
    try ensure(.server, network.text, of: project, at: date)
  }

  public func live(_ user: UserName, of project: ProjectID) throws -> Lineage? {
    try live(.user, user.text, of: project)
  }

  public func live(server network: NetworkName, of project: ProjectID) throws -> Lineage? {
    try live(.server, network.text, of: project)
  }

  /// All lineages of the user, newest first; of every project when none is named.
  public func all(of user: UserName, in project: ProjectID? = nil) throws -> [Lineage] {
    try Lineage.fetchAll(
      db,
      sql: """
        SELECT * FROM lineages WHERE kind = 'user' AND name = :name
          AND project_id BETWEEN ifnull(:project, '') AND ifnull(:project, char(127)) ORDER BY id DESC
        """, arguments: ["name": user.text, "project": project?.text])
  }

  /// The project's live lineages, ordered by kind and name.
  public func live(in project: ProjectID) throws -> [Lineage] {
    try Lineage.fetchAll(
      db, sql: "SELECT * FROM lineages WHERE project_id = ? AND revoked_at IS NULL ORDER BY kind, name",
      arguments: [project.text])
  }

  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func get(_ id: Int64) throws -> Lineage {
    try Lineage.fetchOne(db, key: id).orNotFound("lineage", "\(id)")
  }

  private func live(_ kind: LineageKind, _ name: String, of project: ProjectID) throws -> Lineage? {
    try Lineage.fetchOne(
      db, sql: "SELECT * FROM lineages WHERE project_id = ? AND kind = ? AND name = ? AND revoked_at IS NULL",
      arguments: [project.text, kind.rawValue, name])
  }

  private func ensure(_ kind: LineageKind, _ name: String, of project: ProjectID, at date: Date) throws -> Lineage {
    if let lineage = try live(kind, name, of: project) { return lineage }
    return try changing("lineage", "\(project)/\(name)") {
      try Lineage.fetchOne(
        db, sql: "INSERT INTO lineages (project_id, kind, name, created_at) VALUES (?, ?, ?, ?) RETURNING *",
        arguments: [project.text, kind.rawValue, name, date.wholeSeconds]
      ).orNotFound("lineage", "\(project)/\(name)")
    }
  }
}
