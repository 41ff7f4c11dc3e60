import Foundation
import Names
import Payload
import State

/// Writes the payload that configures the instance. Nothing of it is kept.
struct PayloadStep: ReversibleStep {
  static let name = StepName.payload

  let network: Network
  /// Where the instance fetches newer CRLs.
  let crlLocation: CRLLocation?

  func make(at site: LaunchSite) async throws -> Data {
    try await site.trust.payload(for: site.id, settings: try settings()).archive()
  }

  /// - Throws: `StateError.invalid` for a network that the guest couldn't serve.
  func settings() throws -> Settings {
    var routes = network.routes
    // In routed mode what is pushed is said in full: naming any route leaves the network's own to be named too.
    if network.mode == .routed { routes.insert(network.cidr, at: 0) }
    return Settings(
      project: network.projectId, network: network.name, mode: try mode(), routes: routes,
      routes6: network.tunnelPool6 == nil ? [] : [network.cidr6].compactMap(\.self), dns: network.dns,
      dnsDomain: network.dnsDomain, crlLocation: crlLocation, maxClients: network.poolSize)
  }

  private func mode() throws -> Settings.Mode {
    func refusal(_ why: String) -> StateError { .invalid(kind: "network", id: "\(network.id)", why: why) }
    switch network.mode {
    case .bridged:
      guard let clients = network.cidr.lastHosts(network.poolSize) else { throw refusal("it has no room for clients") }
      return .bridged(address: network.reservedAddress, netmask: network.cidr.netmask, clients: clients)
    case .routed:
      guard let pool = network.tunnelPool else { throw refusal("it has no addresses for clients") }
      return .routed(pool: pool, pool6: network.tunnelPool6)
    }
  }
}
