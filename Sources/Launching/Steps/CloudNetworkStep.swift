import Clouds
import Names
import State

/// Makes the network real: in the local cloud a namespace with a bridge and what serves it.
struct CloudNetworkStep: ReversibleStep {
  static let name = StepName.cloudNetwork

  let network: Network

  var detail: String? { network.cidr.text }

  /// One that had a cloudpipe before has machines too, and isn't to be taken from them when this launch fails. What is
  /// broken of it is mended all the same.
  func existing(at site: LaunchSite) async throws -> NetworkPlan? {
    guard try await site.state.read({ try $0.instances.find(site.id) }) != nil else { return nil }
    return try await make(at: site)
  }

  func make(at site: LaunchSite) async throws -> NetworkPlan {
    let plan = try await site.networkPlan()
    try await site.cloud.makeNetwork(plan)
    return plan
  }

  static func undo(at site: LaunchSite) async throws { try await site.cloud.removeNetwork(site.id) }
}

extension LaunchSite {
  /// The network as the state knows it at this moment.
  ///
  /// - Throws: `StateError`.
  func networkPlan() async throws -> NetworkPlan {
    try await state.read { transaction in
      NetworkPlan(
        try transaction.networks.get(id), addresses: try transaction.addresses.all(in: id),
        attachments: try transaction.attachments.all(in: id), cloudpipe: LaunchedNames.instance(of: id))
    }
  }
}
