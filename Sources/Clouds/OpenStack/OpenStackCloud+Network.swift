import Names
import OpenStack
public import State

extension OpenStackCloud {
  /// A port in the network, with the address that a cloudpipe is to have.
  public func claimNetwork(_ wish: NetworkWish) async throws -> NetworkClaim? {
    let ports = try await ports(of: wish.id)
    if let port = Self.cloudpipe(of: ports) {
      let claim = try NetworkClaim(port, on: try await subnet(of: port))
      guard wish.cidr == nil || wish.cidr == claim.cidr else {
        throw OpenStackError.impossible(
          doing: "put the cloudpipe of \(wish.id) into \(wish.cidr?.text ?? "")",
          why: "it has a port in \(claim.cidr): 'cpbuild terminate' removes that")
      }
      return claim
    }
    let network = try await network(of: wish.id)
    let subnet = try await subnet(of: network, cidr: wish.cidr)
    let cidr = try subnet.network
    if let address = wish.address {
      try Network.check(cloudpipe: address, of: wish.id, in: cidr, gateway: subnet.gateway)
    }
    var remarks: [String] = []
    let mode = try await mode(wish, on: network, cidr: cidr, having: ports, &remarks)
    let port = try await makePort(wish, on: subnet, cidr: cidr, mode: mode, &remarks)
    return try NetworkClaim(port, on: subnet, remarks: remarks)
  }

  public func releaseNetwork(_ id: NetworkID) async throws {
    for port in try await ports(of: id) {
      try await neutron.remove(.ports, port.id, doing: "remove the port \(port.name)")
    }
  }

  /// The network is there; what it needs is the cloudpipe's port, which somebody may have removed.
  public func makeNetwork(_ network: NetworkPlan) async throws {
    guard let cloudpipe = network.reservations.first else { return }
    if try await port(of: network.id)?.address == cloudpipe.address { return }
    let project = LaunchedGroup.name(of: network.id.project)
    let wish = NetworkWish(
      id: network.id, instance: cloudpipe.name, securityGroup: project, cidr: network.cidr,
      address: cloudpipe.address, mode: network.clients == nil ? .routed : .bridged,
      clients: network.clients.map { Int($0.upperBound.bits - $0.lowerBound.bits) + 1 } ?? 0)
    guard let claim = try await claimNetwork(wish), claim.address == cloudpipe.address else {
      throw OpenStackError.impossible(
        doing: "use the port of \(network.id)",
        why: "it has another address than \(cloudpipe.address): 'cpbuild terminate' and 'cpbuild launch' make it anew")
    }
  }

  public func removeNetwork(_ id: NetworkID) async throws { try await releaseNetwork(id) }

  /// The cloudpipe's port.
  func port(of id: NetworkID) async throws -> PortRecord? { Self.cloudpipe(of: try await ports(of: id)) }

  private static func cloudpipe(of ports: [PortRecord]) -> PortRecord? {
    ports.first { !$0.name.hasSuffix(clientsSuffix) }
  }

  /// What the port that keeps the clients' addresses is called, behind the instance's name.
  static let clientsSuffix = " clients"

  func ports(of id: NetworkID) async throws -> [PortRecord] {
    let mark = OpenStackMark(id)
    let all: [PortRecord] = try await neutron.all(
      .ports, [("description", mark.description), ("project_id", try await session.standing.project)],
      doing: "look for the port of \(id)")
    return all.filter { $0.description == mark.description }
  }

  // MARK: - Which network

  private func network(of id: NetworkID) async throws -> CloudNetwork {
    let all: [CloudNetwork] = try await neutron.all(.networks, [], doing: "list the networks")
    let inside = all.filter { $0.isExternal != true }
    if let wanted = id.name == .standard ? settings.network : id.name.text {
      let found = inside.filter { $0.id == wanted || $0.name == wanted }
      guard let one = found.first else {
        throw OpenStackError.unknown(what: "network \(wanted)", known: inside.map(\.name).sorted())
      }
      guard found.count == 1 else {
        throw OpenStackError.impossible(
          doing: "tell which network \(wanted) is", why: "there are \(found.count) of that name: give its id")
      }
      return one
    }
    let project = try await session.standing.project
    let own = inside.filter { $0.projectId == project }
    guard let one = own.first, own.count == 1 else {
      throw OpenStackError.impossible(
        doing: "tell which network \(id.project)'s cloudpipe is to be on",
        why: (own.isEmpty
          ? "the cloud's project has none of its own"
          : "there are several of the project's own (\(own.map(\.name).sorted().joined(separator: ", ")))")
          + ": name one with --network, or 'network' in cpbuild.yaml")
    }
    return one
  }

  func subnet(of port: PortRecord) async throws -> SubnetRecord {
    let id = port.fixedIps.lazy.compactMap(\.subnetId).first ?? ""
    let all: [SubnetRecord] = try await neutron.all(
      .subnets, [("id", id)], doing: "look for the subnet of the port \(port.name)")
    if let subnet = all.first { return subnet }
    throw OpenStackError.unknown(what: "subnet of the port \(port.name)", known: [])
  }

  private func subnet(of network: CloudNetwork, cidr: IPv4Network?) async throws -> SubnetRecord {
    let all: [SubnetRecord] = try await neutron.all(
      .subnets, [("network_id", network.id), ("ip_version", "4")], doing: "list the subnets of \(network.name)")
    let found = all.filter { cidr == nil || $0.cidr == cidr?.text }
    guard let one = found.first else {
      let what = cidr.map { "subnet \($0) in the network \(network.name)" } ?? "IPv4 subnet in \(network.name)"
      throw OpenStackError.unknown(what: what, known: all.map(\.cidr).sorted())
    }
    guard found.count == 1 else {
      throw OpenStackError.impossible(
        doing: "tell which subnet of \(network.name) is meant",
        why: "there are \(all.map(\.cidr).sorted().joined(separator: ", ")): give one with --cidr")
    }
    return one
  }
}

/// What the key pair and the security group of a project are called.
enum LaunchedGroup {
  static func name(of project: ProjectID) -> String { "\(project)-vpn" }
}

extension SubnetRecord {
  var network: IPv4Network {
    get throws { try IPv4Network(cidr) }
  }

  /// The first address where the subnet names none.
  var gateway: IPv4Address {
    get throws { try gatewayIp.map { try IPv4Address($0) } ?? network.hosts.lowerBound }
  }
}

extension NetworkClaim {
  /// - Throws: `OpenStackError`, `NameError`.
  init(_ port: PortRecord, on subnet: SubnetRecord, remarks: [String] = []) throws {
    let cidr = try subnet.network
    guard let address = port.address, cidr.contains(address) else {
      throw OpenStackError.badAnswer(doing: "look at the port \(port.name)", why: "it has no address of \(cidr)")
    }
    self.init(
      cidr: cidr, gateway: try subnet.gateway, address: address,
      mac: try? MACAddress(port.macAddress), mode: port.mode, remarks: remarks)
  }
}

extension PortRecord {
  var address: IPv4Address? { fixedIps.lazy.compactMap { $0.ipAddress.flatMap { try? IPv4Address($0) } }.first }
  /// A port that lets everything by is one for a bridge.
  var mode: VPNMode { portSecurityEnabled == false ? .bridged : .routed }
}
