public import Foundation
import GRDB
public import Names

/// What an address is for.
public enum AddressRole: String, Codable, Sendable {
  case gateway, cloudpipe, machine
}

/// An address that is taken.
public struct Address: Hashable, Codable, Sendable {
  public let projectId: ProjectID
  public let network: NetworkName
  /// Counted from the network's own address, which is 0.
  public let position: Int
  public let address: IPv4Address
  public let role: AddressRole
  /// Who has it, in words for people.
  public let holder: String
  /// The interface that DHCP hands it to; nil for the gateway.
  public let mac: MACAddress?
  /// In whole seconds.
  public let createdAt: Date
}

extension Address: StateRecord {
  static let databaseTableName = "addresses"
}

/// The addresses of all networks that are taken.
public struct Addresses {
  let db: Database

  /// Hands out an address: the one that was chosen, else the lowest that is free, with a MAC address that no other
  /// interface has.
  ///
  /// The first four addresses and the clients' pool at the top are never handed out.
  ///
  /// - Throws: ``StateError/noFreeAddress(network:)``, ``StateError/notFound(kind:id:)``; for what was chosen
  ///   ``StateError/alreadyExists(kind:id:)`` where another interface has it, ``StateError/unsuitable(kind:id:why:)`` where
  ///   machines can't have it.
  public func allocate(
    in id: NetworkID, holder: String, address: IPv4Address? = nil, mac: MACAddress? = nil, at date: Date
  ) throws -> Address {
    let network = try Networks(db: db).get(id)
    let position = try address.map { try self.position(of: $0, in: network) } ?? lowestFree(in: network)
    if let mac, try isTaken(mac) {
      throw StateError.alreadyExists(kind: "interface with the MAC address", id: mac.text)
    }
    return try insert(network, position: position, role: .machine, holder: holder, mac: mac ?? .random(), at: date)
  }

  private func position(of address: IPv4Address, in network: Network) throws -> Int {
    let position = Int(address.bits) - Int(network.cidr.address.bits)
    guard network.machinePositions.contains(position) else {
      let (first, last) = (network.machinePositions.first, network.machinePositions.last)
      let range = [first, last].compactMap { $0.flatMap { network.cidr.address(at: $0)?.text } }.joined(
        separator: " to ")
      throw StateError.unsuitable(
        kind: "address", id: "\(address) of \(network.id)",
        why: range.isEmpty ? "the network has none for machines" : "machines have \(range)")
    }
    return position
  }

  private func lowestFree(in network: Network) throws -> Int {
    let (id, range) = (network.id, network.machinePositions)
    let position = try Int.fetchOne(
      db,
      sql: """
        SELECT :low WHERE NOT EXISTS (SELECT 1 FROM addresses
          WHERE project_id = :project AND network = :network AND position = :low)
        UNION ALL
        SELECT position + 1 FROM addresses AS taken
        WHERE project_id = :project AND network = :network AND position >= :low AND NOT EXISTS (
          SELECT 1 FROM addresses WHERE project_id = :project AND network = :network AND position = taken.position + 1)
        LIMIT 1
        """, arguments: ["low": range.lowerBound, "project": id.project.text, "network": id.name.text])
    guard let position, range.contains(position) else { throw StateError.noFreeAddress(network: "\(id)") }
    return position
  }

  /// The addresses of the network that are taken, in order.
  public func all(in id: NetworkID) throws -> [Address] {
    try Address.fetchAll(
      db, sql: "SELECT * FROM addresses WHERE project_id = ? AND network = ? ORDER BY position",
      arguments: [id.project.text, id.name.text])
  }

  /// The cloudpipe's address and MAC address.
  ///
  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func cloudpipe(of id: NetworkID) throws -> Address {
    let row = try Address.fetchOne(
      db, sql: "SELECT * FROM addresses WHERE project_id = ? AND network = ? AND role = 'cloudpipe'",
      arguments: [id.project.text, id.name.text])
    guard let row else { throw StateError.notFound(kind: "network", id: "\(id)") }
    return row
  }

  /// Gives a machine's address back; one that isn't taken is fine.
  public func release(_ address: IPv4Address, in id: NetworkID) throws {
    try db.execute(
      sql: "DELETE FROM addresses WHERE project_id = ? AND network = ? AND address = ? AND role = 'machine'",
      arguments: [id.project.text, id.name.text, address.text])
  }

  @discardableResult
  func insert(
    _ network: Network, position: Int, role: AddressRole, holder: String, mac: MACAddress?, at date: Date
  ) throws -> Address {
    guard let address = network.cidr.address(at: position) else {
      throw StateError.noFreeAddress(network: "\(network.id)")
    }
    let row = Address(
      projectId: network.projectId, network: network.name, position: position, address: address, role: role,
      holder: holder, mac: try mac.map { try unused($0) }, createdAt: date)
    try changing("address", "\(address) of \(network.id)") { try row.insert(db) }
    return row
  }

  /// Random MAC addresses collide at a few thousand interfaces already (2²⁴ of them, birthday bound), so a taken one is
  /// drawn again.
  private func unused(_ first: MACAddress) throws -> MACAddress {
    var mac = first
    while try isTaken(mac) { mac = .random() }
    return mac
  }

  private func isTaken(_ mac: MACAddress) throws -> Bool {
    try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM addresses WHERE mac = ?)", arguments: [mac.text]) == true
  }
}
