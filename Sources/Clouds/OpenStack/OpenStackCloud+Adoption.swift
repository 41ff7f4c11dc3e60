public import Names
import OpenStack
import State

extension OpenStackCloud {
  /// Everything in the user's project that carries cpbuild's mark, whoever launched it: of one of cpbuild's projects, or of
  /// all.
  ///
  /// - Throws: `OpenStackError`, `CancellationError`.
  public func find(of project: ProjectID? = nil) async throws -> FoundCloudpipes {
    let things = try await MarkedThings(in: self, of: project)
    var cloudpipes: [FoundCloudpipe] = []
    for (id, port) in things.cloudpipes.sorted(by: { $0.key < $1.key }) {
      cloudpipes.append(try await cloudpipe(id, at: port, things))
    }
    return FoundCloudpipes(cloudpipes: cloudpipes, strays: things.strays)
  }

  private func cloudpipe(
    _ id: NetworkID, at port: PortRecord, _ things: MarkedThings
  ) async throws -> FoundCloudpipe {
    let server = things.servers[id]
    let name = LaunchedGroup.name(of: id.project)
    // A port is made after the key pair, which is ours then.
    let publicKey = try await nova.keyPair(named: name)
    let (address, externalPort) = try await publicSide(of: id, things)
    return FoundCloudpipe(
      id: id, place: try NetworkClaim(port, on: try await subnet(of: port)),
      keptClients: things.clients[id]?.map(\.fixedIps.count).reduce(0, +) ?? 0, publicAddress: address,
      publicPort: externalPort, keyPair: publicKey.map { CloudKeyPair(name: name, publicKey: $0) },
      image: try await image(of: server), flavor: server?.flavor?.originalName,
      handle: server.map { handle(of: $0.id, user: $0.userId) },
      memo: server?.metadata.map { ServerMetadata.memo(in: $0) } ?? "")
  }

  private func image(of server: ServerRecord?) async throws -> CloudImage {
    let known = server?.metadata?[ServerMetadata.image]
    for id in [known, server?.image?.id].compactMap(\.self) {
      if let record = try await glanceImage(id), let image = try await cloudImage(record) { return image }
    }
    if let standard = try await image(nil, current: nil) { return standard }
    throw OpenStackError.unknown(what: "image", known: [])
  }

  private func publicSide(of id: NetworkID, _ things: MarkedThings) async throws -> (IPv4Address?, PortNumber?) {
    for shared in things.shared {
      let all = try await neutron.forwardings(of: shared.id)
      guard let own = all.first(where: { $0.description == OpenStackMark(id).description }) else { continue }
      return (try IPv4Address(shared.floatingIpAddress), own.externalPort.flatMap { PortNumber($0) })
    }
    guard let floating = things.floating[id] else { return (nil, nil) }
    return (try IPv4Address(floating.floatingIpAddress), Self.ownPort?.lowerBound)
  }
}

/// The things of a cloud with cpbuild's mark, by the network that they are of.
private struct MarkedThings {
  /// The cloudpipes' own ports.
  private(set) var cloudpipes: [NetworkID: PortRecord] = [:]
  /// Those that keep clients' addresses.
  private(set) var clients: [NetworkID: [PortRecord]] = [:]
  /// The newest of each.
  private(set) var servers: [NetworkID: ServerRecord] = [:]
  /// Those that a newer one has taken the place of.
  private var olderServers: [ServerRecord] = []
  private(set) var floating: [NetworkID: FloatingAddressRecord] = [:]
  private(set) var shared: [FloatingAddressRecord] = []
  private var groups: [SecurityGroupRecord] = []

  init(in cloud: OpenStackCloud, of project: ProjectID?) async throws {
    let owner = [("project_id", try await cloud.session.standing.project)]
    let isMeant: (NetworkID) -> Bool = { project == nil || $0.project == project }
    let ports: [PortRecord] = try await cloud.neutron.all(.ports, owner, doing: "list the ports")
    for port in ports {
      guard let id = OpenStackMark.network(in: port.description), isMeant(id) else { continue }
      if port.name.hasSuffix(OpenStackCloud.clientsSuffix) {
        clients[id, default: []].append(port)
      } else {
        cloudpipes[id] = port
      }
    }
    let servers = try await cloud.nova.servers(tagged: OpenStackMark.tag, doing: "list the instances")
    for server in servers.sorted(by: { ($0.created ?? "") < ($1.created ?? "") }) {
      let subject = server.metadata?[OpenStackMark.metadataKey].map { OpenStackMark(subject: $0) }
      guard let id = OpenStackMark.network(in: subject?.description), isMeant(id) else { continue }
      if let older = self.servers.updateValue(server, forKey: id) { olderServers.append(older) }
    }
    let floating: [FloatingAddressRecord] = try await cloud.neutron.all(
      .floatingips, owner, doing: "list the floating addresses")
    for address in floating {
      if let id = OpenStackMark.network(in: address.description), isMeant(id) { self.floating[id] = address }
    }
    shared = floating.filter(\.isShared)
    let groups: [SecurityGroupRecord] = try await cloud.neutron.all(
      .securityGroups, owner, doing: "list the security groups")
    self.groups = groups.filter { group in
      group.description == OpenStackMark(subject: group.name).description
        && (project.map { LaunchedGroup.name(of: $0) == group.name } ?? true)
    }
  }

  /// What is of no cloudpipe.
  var strays: [String] {
    let projects = Set(cloudpipes.keys.map { LaunchedGroup.name(of: $0.project) })
    func isStray(_ id: NetworkID) -> Bool { cloudpipes[id] == nil }
    var all: [(what: String, removal: String)] = []
    for server in servers.filter({ isStray($0.key) }).map(\.value) + olderServers {
      all.append(("instance \(server.name)", "server delete \(server.id)"))
    }
    for (id, address) in floating where isStray(id) {
      let removal = address.isFound ? "set --description ''" : "delete"
      all.append(("floating address \(address.floatingIpAddress)", "floating ip \(removal) \(address.id)"))
    }
    for (id, ports) in clients where isStray(id) {
      all += ports.map { ("port \($0.name)", "port delete \($0.id)") }
    }
    for group in groups where !projects.contains(group.name) {
      all.append(("security group \(group.name)", "security group delete \(group.id)"))
    }
    return all.map { stray in
      "the \(stray.what) is of no cloudpipe: unless a launch is under way, 'openstack \(stray.removal)' frees it"
    }.sorted()
  }
}
