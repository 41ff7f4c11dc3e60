public import Foundation
public import Names
public import State

/// A machine that is plugged into a network.
public struct AttachedMachine: Hashable, Sendable {
  public let id: NetworkID
  public let name: MachineName
  public let address: IPv4Address
  public let mac: MACAddress
  public let port: MachinePort
  /// Since when it has its address.
  public let since: Date

  /// The network's machines, ordered by name.
  static func all(in id: NetworkID, _ transaction: Transaction) throws -> [AttachedMachine] {
    let attachments = try transaction.attachments.all(in: id)
    // Most networks have none.
    guard !attachments.isEmpty else { return [] }
    let addresses = try transaction.addresses.all(in: id)
    return attachments.filter { $0.state != .detaching }.compactMap { attachment in
      addresses.first { $0.address == attachment.address }?.mac.map { AttachedMachine(attachment, mac: $0) }
    }
  }

  init(_ attachment: Attachment, mac: MACAddress) {
    id = attachment.id
    name = attachment.name
    address = attachment.address
    self.mac = mac
    port = attachment.port
    since = attachment.createdAt
  }
}

/// A machine that an operator wants to be plugged in; what is nil is chosen, or stays as it is.
public struct AttachRequest: Hashable, Sendable {
  public let id: NetworkID
  public let name: MachineName
  public let port: MachinePort
  public var address: IPv4Address?
  public var mac: MACAddress?

  public init(_ name: MachineName, to id: NetworkID, port: MachinePort) {
    self.id = id
    self.name = name
    self.port = port
  }
}
