public import Foundation
import GRDB
public import Names

/// The tls-crypt-v2 server key of a project, from which each client's own key is derived.
public struct TunnelKey: Hashable, Codable, Sendable {
  public let projectId: ProjectID
  public let keyFile: KeyFile
  public let createdAt: Date

  public init(project: ProjectID, keyFile: KeyFile, createdAt: Date) {
    projectId = project
    self.keyFile = keyFile
    self.createdAt = createdAt
  }
}

extension TunnelKey: StateRecord {
  static let databaseTableName = "tunnel_keys"
}

/// The tls-crypt-v2 server keys: at most one a project.
public struct TunnelKeys {
  let db: Database
  let keys: KeyStore

  /// - Throws: ``StateError/alreadyExists(kind:id:)``, ``StateError/key(path:why:remedy:)`` when its file isn't there.
  public func insert(_ key: TunnelKey) throws {
    try keys.require(key.keyFile)
    try changing("tls-crypt key of project", key.projectId.text) { try key.insert(db) }
  }

  public func find(of project: ProjectID) throws -> TunnelKey? {
    try TunnelKey.fetchOne(
      db, sql: "SELECT * FROM tunnel_keys WHERE project_id = ?", arguments: [project.text])
  }

  /// All of them, ordered by project.
  public func all() throws -> [TunnelKey] {
    try TunnelKey.fetchAll(db, sql: "SELECT * FROM tunnel_keys ORDER BY project_id")
  }
}
