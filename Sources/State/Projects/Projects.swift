public import Foundation
import GRDB
public import Names

/// The projects.
public struct Projects {
  let db: Database

  /// Makes the project if it isn't there; a project that is there keeps its date.
  @discardableResult
  public func ensure(_ id: ProjectID, at date: Date) throws -> Project {
    if let project = try find(id) { return project }
    let project = Project(id: id, createdAt: date)
    try changing("project", id.text) { try project.insert(db) }
    return try get(id)
  }

  public func find(_ id: ProjectID) throws -> Project? {
    try Project.fetchOne(db, key: id.text)
  }

  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func get(_ id: ProjectID) throws -> Project {
    guard let project = try find(id) else { throw StateError.notFound(kind: "project", id: id.text) }
    return project
  }

  /// All of them, ordered by id.
  public func all() throws -> [Project] {
    try Project.fetchAll(db, sql: "SELECT * FROM projects ORDER BY id")
  }

  /// All of them with their networks, ports and instances, ordered by id and network: what a list shows. A project
  /// without a network has one entry without one.
  public func overview() throws -> [ProjectOverview] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT projects.id, networks.name, networks.cidr, networks.mode, public_ports.address, public_ports.port,
          instances.cloud, instances.state, instances.image_id
        FROM projects
        LEFT JOIN networks ON networks.project_id = projects.id
        LEFT JOIN public_ports ON public_ports.project_id = networks.project_id AND public_ports.network = networks.name
        LEFT JOIN instances ON instances.project_id = networks.project_id AND instances.network = networks.name
        ORDER BY projects.id, networks.name
        """)
    var overview: [ProjectOverview] = []
    while let row = try rows.next() { overview.append(try ProjectOverview(row)) }
    return overview
  }

  /// Forgets a project that has nothing any more. One that has a CA stays: its certificates outlive its instances.
  ///
  /// - Throws: ``StateError/inUse(kind:id:why:)``, ``StateError/notFound(kind:id:)``.
  public func remove(_ id: ProjectID) throws {
    _ = try get(id)
    try changing("project", id.text) { try db.execute(sql: "DELETE FROM projects WHERE id = ?", arguments: [id.text]) }
  }
}

/// One line of a list of projects.
public struct ProjectOverview: Hashable, Codable, Sendable {
  public let project: ProjectID
  public let network: NetworkName?
  public let cidr: IPv4Network?
  public let mode: VPNMode?
  public let publicAddress: IPv4Address?
  public let publicPort: PortNumber?
  public let cloud: CloudKind?
  public let state: InstanceState?
  public let imageId: String?
}

extension ProjectOverview {
  /// By hand and not through Codable, which takes several times as long; a list may have 10,000 lines.
  init(_ row: Row) throws {
    project = try ProjectID(row[0] as String)
    network = try (row[1] as String?).map { try NetworkName($0) }
    cidr = try (row[2] as String?).map { try IPv4Network($0) }
    mode = (row[3] as String?).flatMap(VPNMode.init(rawValue:))
    publicAddress = try (row[4] as String?).map { try IPv4Address($0) }
    publicPort = (row[5] as Int?).flatMap { PortNumber($0) }
    cloud = (row[6] as String?).flatMap(CloudKind.init(rawValue:))
    state = (row[7] as String?).flatMap(InstanceState.init(rawValue:))
    imageId = row[8]
  }
}
