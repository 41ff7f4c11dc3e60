import Clouds
import Foundation
import Host
import Names
import State

/// Takes a network, its cloudpipe's reserved address and MAC address among it.
struct NetworkStep: ReversibleStep {
  static let name = StepName.network

  struct Product: Sendable {
    let network: Network
    let cloudpipe: Address
  }

  let request: LaunchRequest
  let defaults: LaunchDefaults
  /// What this machine itself uses.
  let host: @Sendable () async throws -> HostNetworks

  var detail: String? { request.cidr?.text }

  func existing(at site: LaunchSite) async throws -> Product? {
    try await site.state.read { transaction in
      guard let network = try transaction.networks.find(site.id) else { return nil }
      try request.check(against: network)
      return Product(network: network, cloudpipe: try transaction.addresses.cloudpipe(of: site.id))
    }
  }

  func make(at site: LaunchSite) async throws -> Product {
    if let product = try await existing(at: site) { return product }
    if let claim = try await site.cloud.claimNetwork(wish(at: site)) { return try await take(claim, at: site) }
    if let address = request.address, address != request.cidr?.address(at: 2) {
      throw StateError.unsuitable(
        kind: "address", id: "\(address) of \(site.id)",
        why: "a network that is made has its second address for the cloudpipe: leave --address out")
    }
    let taken = try await host().taken
    return try await site.state.write { transaction in
      let network = try plan(at: site.now(), beside: try transaction.networks.all(), host: taken)
      try transaction.networks.insert(network)
      return Product(network: network, cloudpipe: try transaction.addresses.cloudpipe(of: site.id))
    }
  }

  func note(of product: Product) -> [String: String] {
    ["cidr": product.network.cidr.text, "address": product.cloudpipe.address.text]
  }

  static func undo(at site: LaunchSite) async throws {
    try await site.cloud.releaseNetwork(site.id)
    try await site.state.write { transaction in
      for address in try transaction.addresses.all(in: site.id) where address.role == .machine {
        try transaction.addresses.release(address.address, in: site.id)
      }
      if try transaction.networks.find(site.id) != nil { try transaction.networks.remove(site.id) }
    }
  }

  private func wish(at site: LaunchSite) -> NetworkWish {
    NetworkWish(
      id: request.id, instance: LaunchedNames.instance(of: request.id),
      securityGroup: LaunchedNames.shared(of: request.id.project), cidr: request.cidr, address: request.address,
      mode: request.mode, clients: request.clients ?? defaults.clients)
  }

  /// A place in a network of the cloud's.
  private func take(_ claim: NetworkClaim, at site: LaunchSite) async throws -> Product {
    for remark in claim.remarks { site.report(.warning(remark)) }
    var request = request
    request.cidr = claim.cidr
    request.mode = claim.mode
    let step = NetworkStep(request: request, defaults: defaults, host: host)
    return try await site.state.write { transaction in
      let others = try transaction.networks.all()
      let network = try step.plan(at: site.now(), beside: others, host: [], place: (claim.gateway, claim.address))
      try transaction.networks.insert(network, mac: claim.mac)
      return Product(network: network, cloudpipe: try transaction.addresses.cloudpipe(of: site.id))
    }
  }

  private func plan(
    at date: Date, beside others: [Network], host: [IPv4Network],
    place: (gateway: IPv4Address, cloudpipe: IPv4Address)? = nil
  ) throws -> Network {
    let tunnels = others.compactMap(\.tunnelPool)
    let cidr = try request.cidr ?? freeNetwork(taken: others.map(\.cidr) + tunnels + host)
    let clients = request.clients ?? defaults.clients
    let mode = request.mode ?? .bridged
    // Clients see the project's networks and the routes; which of those a later network brings isn't known, so that all
    // networks are avoided.
    let tunnel =
      mode == .bridged
      ? nil
      : try TunnelNetworks.choose(
        clients: clients, hasIPv6: request.cidr6 != nil, in: defaults.tunnelRange,
        taken: others.map(\.cidr) + tunnels + host + request.routes + [cidr])
    return try Network(
      id: request.id, cidr: cidr, cidr6: request.cidr6, mode: mode, gateway: place?.gateway,
      reservedAddress: place?.cloudpipe, poolSize: clients, tunnelPool: tunnel?.pool, tunnelPool6: tunnel?.pool6,
      routes: request.routes, dns: request.dns, dnsDomain: request.dnsDomain,
      createdAt: date)
  }

  private func freeNetwork(taken: [IPv4Network]) throws -> IPv4Network {
    let (range, length) = (defaults.range, defaults.prefixLength)
    guard let cidr = AddressChoice.free(in: range, prefixLength: length, taken: taken) else {
      throw StateError.noFreeNetwork(range: range, prefixLength: length)
    }
    return cidr
  }
}

extension LaunchRequest {
  /// A network that is there keeps its parameters, so one that was asked for otherwise is a mistake to be told of.
  ///
  /// - Throws: ``LaunchError/different(_:what:is:asked:)``.
  func check(against network: Network) throws {
    func compare<Value: Equatable>(_ what: String, _ asked: Value?, _ found: Value?) throws {
      guard let asked, asked != found else { return }
      throw LaunchError.different(
        id, what: what, is: found.map { "\($0)" } ?? "none", asked: "\(asked)")
    }
    try compare("CIDR", cidr, network.cidr)
    try compare("IPv6 CIDR", cidr6, network.cidr6)
    try compare("mode", mode, network.mode)
    try compare("address of the cloudpipe", address, network.reservedAddress)
    try compare("number of clients", clients, network.poolSize)
    try compare("routes", routes.isEmpty ? nil : routes, network.routes)
    try compare("name servers", dns.isEmpty ? nil : dns, network.dns)
    try compare("domain", dnsDomain, network.dnsDomain)
  }
}
