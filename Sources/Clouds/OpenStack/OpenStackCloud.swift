public import Foundation
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
    /// The same for what costs next to nothing.
    public var glance = Duration.milliseconds(100)

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

  public var hasUnheard: Bool { session.traffic.unheard > 0 }
  /// Proxies and services give up a request after a minute, which is HAProxy's and oslo.messaging's standard, or a few.
  public var lateness: TimeInterval { 300 }

  // MARK: - Key pairs

  public var user: String? {
    get async throws { try await session.standing.user }
  }

  public func makeKeyPair(_ keyPair: CloudKeyPair) async throws {
    _ = try await session.converge {
      guard let known = try await nova.keyPair(named: keyPair.name) else { return Bool?.none }
      guard keyPair.hasKey(of: known) else {
        throw OpenStackError.notOurs(
          what: "a key pair \(keyPair.name) with another key",
          remedy: "where it is of a cloudpipe whose state is lost, 'cpbuild adopt --cloud \(name)' takes that over; "
            + "else remove it with 'openstack keypair delete \(keyPair.name)'")
      }
      return true
    } make: {
      try await nova.makeKeyPair(named: keyPair.name, publicKey: keyPair.publicKey)
      return true
    }
  }

  public func removeKeyPair(_ keyPair: CloudKeyPair) async throws {
    // One of that name with another key is somebody else's.
    guard let known = try await nova.keyPair(named: keyPair.name), keyPair.hasKey(of: known) else { return }
    try await nova.removeKeyPair(named: keyPair.name)
  }

  // MARK: - What is seen

  public func condition(of id: NetworkID) async throws -> InstanceCondition {
    guard let server = try await server(of: id) else { return InstanceCondition(state: .absent) }
    let since = server.created.flatMap { try? Date($0, strategy: .iso8601) }
    switch server.status {
    case "ACTIVE": return InstanceCondition(state: .running, since: since)
    case "BUILD", "REBUILD", "REBOOT", "HARD_REBOOT":
      return InstanceCondition(state: .running, since: since, faults: ["the instance is being built"])
    case "ERROR":
      // Lists may leave it out.
      let fault = try await nova.server(server.id)?.fault?.message ?? "Nova gives no reason"
      return InstanceCondition(state: .stopped, since: since, faults: ["the instance is in ERROR: \(fault)"])
    default:
      return InstanceCondition(state: .stopped, since: since, faults: ["the instance is \(server.status)"])
    }
  }

  public func console(of id: NetworkID) async throws -> String {
    try await console(of: id, lines: 500)
  }

  public func wholeConsole(of id: NetworkID) async throws -> String { try await console(of: id, lines: nil) }

  /// Services have limits on how much they are asked.
  public var consoleInterval: Duration { .seconds(2) }

  private func console(of id: NetworkID, lines: Int?) async throws -> String {
    guard let server = try await server(of: id) else { return "" }
    return try await nova.console(of: server.id, lines: lines)
  }

  /// The instance's own address, which the VPN itself carries to, or its floating address: the security group lets no ssh
  /// in, but a bridged cloudpipe's port has none.
  public func way(to id: NetworkID) async throws -> WayToInstance {
    guard let own = try await port(of: id)?.address else {
      throw OpenStackError.unknown(what: "cloudpipe of \(id)", known: [])
    }
    let floating = try await floatingAddresses(of: id).filter { !$0.isShared && $0.portId != nil }
    let addresses = [own] + floating.compactMap { try? IPv4Address($0.floatingIpAddress) }
    for address in addresses where await Reachability.hasShell(at: address) {
      return WayToInstance(prefix: [], address: address)
    }
    throw OpenStackError.impossible(
      doing: "reach the ssh of \(id)",
      why: "no ssh answers at \(addresses.map(\.text).joined(separator: " or ")) from here: when it has booted, do it "
        + "on a machine in the network, or one that is connected to the VPN")
  }
}
