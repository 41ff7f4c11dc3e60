public import State
public import SystemPackage

/// This machine as a cloud: QEMU, a network namespace with a bridge for each network, dnsmasq, nftables.
public struct LocalCloud: Sendable {
  public let home: Home
  let networks: LocalNetworks

  /// - Parameter executable: this program itself, which is also the metadata service.
  public init(home: Home, executable: FilePath) {
    self.home = home
    networks = LocalNetworks(home: home, executable: executable)
  }

  public func space(of id: NetworkID) -> NetworkSpace { NetworkSpace(home: home, id: id) }

  public func makeNetwork(_ network: NetworkPlan) async throws { try await networks.make(network) }
  public func removeNetwork(_ id: NetworkID) async throws { try await networks.remove(id) }
  public func publish(_ forward: PublicForward) async throws { try await networks.publish(forward) }
  public func unpublish(_ id: NetworkID) async throws { try await networks.unpublish(id) }

  /// What the network needs to know before its instance boots: whom to let in, and what to tell the instance.
  package func expect(_ instance: InstancePlan) async throws { try await networks.expect(instance) }
  /// Undoes ``expect(_:)``.
  package func forget(_ id: NetworkID) async throws { try await networks.forget(id) }
  /// What doesn't work of what serves the network; nil when there is no such network here.
  package func networkFaults(of id: NetworkID) async -> [String]? { await networks.faults(of: id) }
}
