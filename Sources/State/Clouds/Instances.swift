public import Foundation
import GRDB
public import Names

/// Where instances run.
public enum CloudKind: String, Codable, Sendable, CaseIterable {
  case local, openstack
}

/// How a cloudpipe is doing, in nova's words.
public enum InstanceState: String, Codable, Sendable, CaseIterable {
  /// It is being made.
  case pending
  /// It answers.
  case running
  /// It doesn't answer.
  case down
  /// It has no public address.
  case invalid
}

/// The cloudpipe of a network.
public struct Instance: Hashable, Codable, Sendable {
  public let projectId: ProjectID
  public let network: NetworkName
  public let cloud: CloudKind
  public var state: InstanceState
  public let imageId: String
  /// What the cloud knows it by: process and namespace ids of a local one, a server's id in OpenStack.
  public var handle: [String: String]
  public let createdAt: Date
  public var updatedAt: Date

  public init(
    id: NetworkID, cloud: CloudKind, state: InstanceState, imageId: String, handle: [String: String], createdAt: Date
  ) {
    projectId = id.project
    network = id.name
    self.cloud = cloud
    self.state = state
    self.imageId = imageId
    self.handle = handle
    self.createdAt = createdAt
    updatedAt = createdAt
  }

  public var id: NetworkID { NetworkID(project: projectId, name: network) }
}

extension Instance: StateRecord {
  static let databaseTableName = "instances"
}

/// The instances: at most one a network.
public struct Instances {
  let db: Database

  /// - Throws: ``StateError/alreadyExists(kind:id:)``, ``StateError/inUse(kind:id:why:)`` when there is no such network
  ///   or image.
  public func insert(_ instance: Instance) throws {
    try changing("instance", "\(instance.id)") { try instance.insert(db) }
  }

  /// Notes a change of state, and of what the cloud knows it by when that is given.
  ///
  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func update(
    _ id: NetworkID, state: InstanceState, handle: [String: String]? = nil, at date: Date
  ) throws {
    guard var instance = try find(id) else { throw StateError.notFound(kind: "instance", id: "\(id)") }
    instance.state = state
    instance.handle = handle ?? instance.handle
    instance.updatedAt = date
    try changing("instance", "\(id)") { try instance.update(db) }
  }

  public func find(_ id: NetworkID) throws -> Instance? {
    try Instance.fetchOne(
      db, sql: "SELECT * FROM instances WHERE project_id = ? AND network = ?",
      arguments: [id.project.text, id.name.text])
  }

  /// All of them, ordered by project and network.
  public func all() throws -> [Instance] {
    try Instance.fetchAll(db, sql: "SELECT * FROM instances ORDER BY project_id, network")
  }

  /// Those of one project, ordered by network.
  public func all(of project: ProjectID) throws -> [Instance] {
    try Instance.fetchAll(
      db, sql: "SELECT * FROM instances WHERE project_id = ? ORDER BY network", arguments: [project.text])
  }

  /// Forgets an instance that is gone; one that isn't there is fine.
  public func remove(_ id: NetworkID) throws {
    try db.execute(
      sql: "DELETE FROM instances WHERE project_id = ? AND network = ?", arguments: [id.project.text, id.name.text])
  }
}
