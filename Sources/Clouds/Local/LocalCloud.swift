import Host
public import Names
public import State
public import SystemPackage

/// This machine as a cloud: QEMU, a network namespace with a bridge for each network, dnsmasq, nftables.
///
/// Key pairs and security groups are nothing of their own here: an instance's plan brings both.
public struct LocalCloud: Cloud {
  public let home: Home
  let networks: LocalNetworks
  let instances: LocalInstances

  /// - Parameter executable: this program itself, which is also the metadata service.
  public init(home: Home, executable: FilePath) {
    self.home = home
    networks = LocalNetworks(home: home, executable: executable)
    instances = LocalInstances(home: home)
  }

  public var kind: CloudKind { .local }
  /// Where an instance fetches the CRL of its project: from its network's metadata service, which answers each only with
  /// its own.
  public static let crlURL = "http://169.254.169.254/cloudpipe/crl.pem"
  public func space(of id: NetworkID) -> NetworkSpace { NetworkSpace(home: home, id: id) }

  public func makeKeyPair(_ keyPair: CloudKeyPair) async throws {}
  public func makeSecurityGroup(_ group: SecurityGroup) async throws {}
  public func removeSecurityGroup(named name: String) async throws {}

  public func makeNetwork(_ network: NetworkPlan) async throws { try await networks.make(network) }

  public func attach(_ machine: NetworkPlan.Reservation, to network: NetworkPlan) async throws {
    try await networks.attach(machine, to: network)
  }

  public func removeNetwork(_ id: NetworkID) async throws {
    try await instances.remove(id)
    try await networks.remove(id)
  }

  public func boot(_ instance: InstancePlan) async throws -> [String: String] {
    var isRunning = try await instances.condition(of: instance.network).state == .running
    if isRunning, await !isConnected(instance.network) {
      // Its port isn't the one that the network has now.
      try await instances.remove(instance.network)
      isRunning = false
    }
    // One that runs keeps what it was told when it was booted.
    if !isRunning { try await expect(instance) }
    var handle = try await instances.boot(instance, in: space(of: instance.network))
    handle["namespace"] = space(of: instance.network).namespace
    return handle
  }

  public func restart(_ instance: InstancePlan) async throws -> [String: String] {
    try await instances.remove(instance.network)
    try await networks.mend(instance.network)
    return try await boot(instance)
  }

  public func removeInstance(of id: NetworkID, knownAs handle: [String: String]) async throws {
    try await instances.remove(id)
    try await forget(id)
  }

  public func holders(of address: IPv4Address) async throws -> [PortNumber: String] {
    try await networks.holders(of: address)
  }
  public func publish(_ forward: PublicForward) async throws { try await networks.publish(forward) }
  public func unpublish(_ id: NetworkID) async throws { try await networks.unpublish(id) }

  public func condition(of id: NetworkID) async throws -> InstanceCondition {
    var condition = try await instances.condition(of: id)
    if condition.state == .running, await !isConnected(id) {
      condition.faults.append("the instance isn't connected to its network: 'cpbuild restart' boots it anew")
    }
    condition.faults += await networkFaults(of: id) ?? []
    return condition
  }

  /// Whether a QEMU holds the cloudpipe's port.
  private func isConnected(_ id: NetworkID) async -> Bool {
    let namespace = NetworkNamespace(path: space(of: id).namespacePath)
    let port = NetworkSpace.instancePort
    return (try? await namespace.perform { NetworkInterface.all().contains { $0.name == port && $0.isConnected } })
      ?? false
  }

  public func console(of id: NetworkID) async throws -> String { try await instances.console(of: id) }

  public func way(to id: NetworkID) async throws -> WayToInstance {
    let space = space(of: id)
    guard let address = NetworkRecord.read(from: space.folder)?.cloudpipe?.address else {
      throw LocalCloudError.noNetwork(id)
    }
    return WayToInstance(prefix: space.entering, address: address)
  }

  /// What the network needs to know before its instance boots: whom to let in, and what to tell the instance.
  package func expect(_ instance: InstancePlan) async throws { try await networks.expect(instance) }
  /// Undoes ``expect(_:)``.
  package func forget(_ id: NetworkID) async throws { try await networks.forget(id) }
  /// What doesn't work of what serves the network; nil when there is no such network here.
  package func networkFaults(of id: NetworkID) async -> [String]? { await networks.faults(of: id) }
}
