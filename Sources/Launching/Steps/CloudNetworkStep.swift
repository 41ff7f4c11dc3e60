import Clouds
import Names
import State

/// Makes the network real: in the local cloud a namespace with a bridge and what serves it.
struct CloudNetworkStep: ReversibleStep {
  static let name = StepName.cloudNetwork

  let network: Network
  let cloudpipe: Address

  var detail: String? { network.cidr.text }

  /// One that had a cloudpipe before has machines too, and isn't to be taken from them when this launch fails. What is
  /// broken of it is mended all the same.
  func existing(at site: LaunchSite) async throws -> NetworkPlan? {
    guard try await site.state.read({ try $0.instances.find(site.id) }) != nil else { return nil }
    return try await make(at: site)
  }

  func make(at site: LaunchSite) async throws -> NetworkPlan {
    let machines = try await site.state.read { try $0.addresses.all(in: site.id) }.filter { $0.role == .machine }
    let plan = NetworkPlan(
      id: site.id, cidr: network.cidr, cidr6: network.cidr6, gateway: network.gateway,
      reservations: [reservation(cloudpipe, named: LaunchedNames.instance(of: site.id))].compactMap(\.self)
        + machines.compactMap { reservation($0, named: $0.holder) },
      domain: network.dnsDomain)
    try await site.cloud.makeNetwork(plan)
    return plan
  }

  static func undo(at site: LaunchSite) async throws { try await site.cloud.removeNetwork(site.id) }

  private func reservation(_ address: Address, named name: String) -> NetworkPlan.Reservation? {
    address.mac.map { NetworkPlan.Reservation(address: address.address, mac: $0, name: name) }
  }
}
