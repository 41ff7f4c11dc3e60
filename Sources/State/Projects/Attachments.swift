public import Foundation
import GRDB
public import Names

/// How far a machine is on its way into a network or out of it.
public enum AttachmentState: String, Codable, Sendable {
  /// Written before anything is made, so that a kill leaves a trace of what may have been made.
  case attaching
  case attached
  /// It is to go, and the next command sees to it if this one can't.
  case detaching
}

/// A machine of a project that is plugged into one of its networks.
public struct Attachment: Hashable, Codable, Sendable {
  public let projectId: ProjectID
  public let network: NetworkName
  public let name: MachineName
  public let address: IPv4Address
  public var port: MachinePort
  public var state: AttachmentState
  /// In whole seconds.
  public let createdAt: Date

  public init(
    _ name: MachineName, of id: NetworkID, address: IPv4Address, port: MachinePort, state: AttachmentState,
    createdAt: Date
  ) {
    projectId = id.project
    network = id.name
    self.name = name
    self.address = address
    self.port = port
    self.state = state
    self.createdAt = createdAt
  }

  public var id: NetworkID { NetworkID(project: projectId, name: network) }
}

extension Attachment: StateRecord {
  static let databaseTableName = "attachments"
}

/// The machines that are plugged into networks. Each has an address of its own, and goes when that is released.
public struct Attachments {
  let db: Database

  /// - Throws: ``StateError/alreadyExists(kind:id:)``, ``StateError/inUse(kind:id:why:)`` when there is no such address.
  public func insert(_ attachment: Attachment) throws {
    try changing("machine", "\(attachment.name) of \(attachment.id)") { try attachment.insert(db) }
  }

  /// Notes another port or state.
  public func update(_ attachment: Attachment) throws {
    try changing("machine", "\(attachment.name) of \(attachment.id)") { try attachment.save(db) }
  }

  public func find(_ name: MachineName, in id: NetworkID) throws -> Attachment? {
    try Attachment.fetchOne(
      db, sql: "SELECT * FROM attachments WHERE project_id = ? AND network = ? AND name = ?",
      arguments: [id.project.text, id.name.text, name.text])
  }

  /// The network's machines, ordered by name.
  public func all(in id: NetworkID) throws -> [Attachment] {
    try Attachment.fetchAll(
      db, sql: "SELECT * FROM attachments WHERE project_id = ? AND network = ? ORDER BY name",
      arguments: [id.project.text, id.name.text])
  }

  /// Those that a command is at work on, or was when it was killed.
  public func unsettled() throws -> [Attachment] {
    try Attachment.fetchAll(
      db, sql: "SELECT * FROM attachments WHERE state <> 'attached' ORDER BY project_id, network, name")
  }

  /// Forgets a machine that is gone, and gives its address back; one that isn't there is fine.
  public func remove(_ name: MachineName, in id: NetworkID) throws {
    guard let attachment = try find(name, in: id) else { return }
    try Addresses(db: db).release(attachment.address, in: id)
  }
}
