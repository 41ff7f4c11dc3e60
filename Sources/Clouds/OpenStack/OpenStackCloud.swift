import Foundation
import Names
public import OpenStack
public import State

/// An OpenStack cloud: Nova and Neutron, as one user of it.
///
/// What is made is marked with what it is for (``OpenStackMark``), and is found again by that; nothing is remembered here.
public struct OpenStackCloud: Cloud {
  public let name: String
  let settings: OpenStackSettings
  let neutron: Neutron
  let nova: Nova
  let glance: Glance
  let patience: Patience

  /// How long things may take, and how often they are looked at.
  public struct Patience: Sendable {
    public var boot = Duration.seconds(300)
    public var removal = Duration.seconds(120)
    public var interval = Duration.milliseconds(250)

    public init() {}
  }

  public init(session: Session, settings: OpenStackSettings, patience: Patience = Patience()) {
    name = session.access.name
    self.settings = settings
    self.patience = patience
    neutron = Neutron(session: session)
    nova = Nova(session: session)
    glance = Glance(session: session)
  }

  public var kind: CloudKind { .openstack }
  var session: Session { neutron.session }

  // MARK: - Key pairs

  public func makeKeyPair(_ keyPair: CloudKeyPair) async throws {
    _ = try await session.converge {
      guard let known = try await nova.keyPair(named: keyPair.name) else { return Bool?.none }
      guard known.sameKey(as: keyPair.publicKey) else {
        throw OpenStackError.notOurs(
          what: "a key pair \(keyPair.name) with another key",
          remedy: "remove it with 'openstack keypair delete \(keyPair.name)'")
      }
      return true
    } make: {
      try await nova.makeKeyPair(named: keyPair.name, publicKey: keyPair.publicKey)
      return true
    }
  }

  public func removeKeyPair(named name: String) async throws { try await nova.removeKeyPair(named: name) }

  // MARK: - What is seen

  public func condition(of id: NetworkID) async throws -> InstanceCondition {
    guard let server = try await server(of: id) else { return InstanceCondition(state: .absent) }
    let since = server.created.flatMap { try? Date($0, strategy: .iso8601) }
    switch server.status {
    case "ACTIVE": return InstanceCondition(state: .running, since: since)
    case "BUILD", "REBUILD", "REBOOT", "HARD_REBOOT":
      return InstanceCondition(state: .running, since: since, faults: ["the instance is being built"])
    case "ERROR":
      let fault = server.fault?.message ?? "Nova gives no reason"
      return InstanceCondition(state: .stopped, since: since, faults: ["the instance is in ERROR: \(fault)"])
    default:
      return InstanceCondition(state: .stopped, since: since, faults: ["the instance is \(server.status)"])
    }
  }

  public func console(of id: NetworkID) async throws -> String {
    guard let server = try await server(of: id) else { return "" }
    return try await nova.console(of: server.id, lines: 500)
  }

  /// The instance's own address: what carries there is the VPN itself, since the security group lets no ssh in.
  public func way(to id: NetworkID) async throws -> WayToInstance {
    guard let address = try await port(of: id)?.address else {
      throw OpenStackError.unknown(what: "cloudpipe of \(id)", known: [])
    }
    return WayToInstance(prefix: [], address: address)
  }
}

extension String {
  /// Whether two lines of `authorized_keys` have the same key, whatever is said behind it.
  fileprivate func sameKey(as other: String) -> Bool {
    let (mine, others) = (split(separator: " ").prefix(2), other.split(separator: " ").prefix(2))
    return mine == others
  }
}
