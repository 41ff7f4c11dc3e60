public import Foundation
import GRDB
public import Names

/// The transport of a VPN.
public enum TransportProtocol: String, Codable, Sendable, CaseIterable {
  case udp, tcp
}

/// The public address and port of a network's cloudpipe.
public struct PublicPort: Hashable, Codable, Sendable {
  public let address: IPv4Address
  public let `protocol`: TransportProtocol
  public let port: PortNumber
  public let projectId: ProjectID
  public let network: NetworkName
  /// In whole seconds.
  public let createdAt: Date

  public init(
    address: IPv4Address, protocol: TransportProtocol = .udp, port: PortNumber, network: NetworkID, createdAt: Date
  ) {
    self.address = address
    self.protocol = `protocol`
    self.port = port
    projectId = network.project
    self.network = network.name
    self.createdAt = createdAt
  }
}

extension PublicPort: StateRecord {
  static let databaseTableName = "public_ports"
}

/// The public ports that are taken: one a network.
public struct PublicPorts {
  let db: Database

  /// Hands out the lowest free port of `address` in `range`; a network that has a port keeps it.
  ///
  /// - Parameter others: ports that aren't free, whatever the state says.
  /// - Throws: ``StateError/noFreePort(address:first:last:)``.
  public func allocate(
    for id: NetworkID, on address: IPv4Address, protocol: TransportProtocol = .udp,
    in range: ClosedRange<PortNumber>, but others: Set<PortNumber> = [], at date: Date
  ) throws -> PublicPort {
    if let port = try find(id) { return port }
    var low = Int(range.lowerBound.rawValue)
    while let port = try lowest(from: low, on: address, `protocol`).flatMap({ PortNumber($0) }), range.contains(port) {
      guard others.contains(port) else {
        let row = PublicPort(address: address, protocol: `protocol`, port: port, network: id, createdAt: date)
        try insert(row)
        return row
      }
      low = Int(port.rawValue) + 1
    }
    throw StateError.noFreePort(address: address, first: range.lowerBound, last: range.upperBound)
  }

  /// The lowest number from `low` on that no network has; it may be beyond all ports.
  private func lowest(from low: Int, on address: IPv4Address, _ protocol: TransportProtocol) throws -> Int? {
    try Int.fetchOne(
      db,
      sql: """
        SELECT :low WHERE NOT EXISTS (SELECT 1 FROM public_ports
          WHERE address = :address AND protocol = :protocol AND port = :low)
        UNION ALL
        SELECT port + 1 FROM public_ports AS taken
        WHERE address = :address AND protocol = :protocol AND port >= :low AND NOT EXISTS (
          SELECT 1 FROM public_ports WHERE address = :address AND protocol = :protocol AND port = taken.port + 1)
        LIMIT 1
        """,
      arguments: ["low": low, "address": address.text, "protocol": `protocol`.rawValue])
  }

  /// Takes a port that an operator chose, or the other one when the network has one already.
  ///
  /// - Throws: ``StateError/alreadyExists(kind:id:)`` when another network has it.
  public func change(to port: PublicPort) throws {
    // A savepoint, so that a caller who goes on after the error still has the old port.
    try db.inSavepoint {
      try release(NetworkID(project: port.projectId, name: port.network))
      try insert(port)
      return .commit
    }
  }

  public func find(_ id: NetworkID) throws -> PublicPort? {
    try PublicPort.fetchOne(
      db, sql: "SELECT * FROM public_ports WHERE project_id = ? AND network = ?",
      arguments: [id.project.text, id.name.text])
  }

  /// All of them, ordered by address and port.
  public func all() throws -> [PublicPort] {
    try PublicPort.fetchAll(db, sql: "SELECT * FROM public_ports ORDER BY address, protocol, port")
  }

  /// Gives the network's port back; a network that has none is fine.
  public func release(_ id: NetworkID) throws {
    try db.execute(
      sql: "DELETE FROM public_ports WHERE project_id = ? AND network = ?", arguments: [id.project.text, id.name.text])
  }

  private func insert(_ row: PublicPort) throws {
    try changing("public port", "\(row.address):\(row.port)/\(row.protocol)") { try row.insert(db) }
  }
}
