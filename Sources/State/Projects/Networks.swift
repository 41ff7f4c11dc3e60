import GRDB
public import Names

/// The networks of all projects.
public struct Networks {
  let db: Database

  /// Adds a network together with the addresses of its gateway and its cloudpipe.
  ///
  /// - Parameter mac: the cloudpipe's; nil: one that no other interface has.
  /// - Throws: ``StateError/alreadyExists(kind:id:)``, ``StateError/inUse(kind:id:why:)`` when its addresses overlap
  ///   those of another network of the project.
  public func insert(_ network: Network, mac: MACAddress? = nil) throws {
    try changing("network", "\(network.id)") { try network.insert(db) }
    let addresses = Addresses(db: db)
    try addresses.insert(
      network, position: network.position(of: network.gateway), role: .gateway, holder: "gateway", mac: nil,
      at: network.createdAt)
    try addresses.insert(
      network, position: network.position(of: network.reservedAddress), role: .cloudpipe, holder: "cloudpipe",
      mac: mac ?? .random(), at: network.createdAt)
  }

  public func find(_ id: NetworkID) throws -> Network? {
    try Network.fetchOne(
      db, sql: "SELECT * FROM networks WHERE project_id = ? AND name = ?", arguments: [id.project.text, id.name.text])
  }

  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func get(_ id: NetworkID) throws -> Network {
    guard let network = try find(id) else { throw StateError.notFound(kind: "network", id: "\(id)") }
    return network
  }

  /// The project's networks, ordered by name.
  public func all(of project: ProjectID) throws -> [Network] {
    try Network.fetchAll(
      db, sql: "SELECT * FROM networks WHERE project_id = ? ORDER BY name", arguments: [project.text])
  }

  /// The networks of all projects, ordered by project and name.
  public func all() throws -> [Network] {
    try Network.fetchAll(db, sql: "SELECT * FROM networks ORDER BY project_id, name")
  }

  /// Removes a network that has no instance, public port or machine any more, with the addresses that were reserved.
  ///
  /// - Throws: ``StateError/inUse(kind:id:why:)``, ``StateError/notFound(kind:id:)``.
  public func remove(_ id: NetworkID) throws {
    _ = try get(id)
    try changing("network", "\(id)") {
      try db.execute(
        sql: "DELETE FROM addresses WHERE project_id = ? AND network = ? AND role IN ('gateway', 'cloudpipe')",
        arguments: [id.project.text, id.name.text])
      try db.execute(
        sql: "DELETE FROM networks WHERE project_id = ? AND name = ?", arguments: [id.project.text, id.name.text])
    }
  }
}
