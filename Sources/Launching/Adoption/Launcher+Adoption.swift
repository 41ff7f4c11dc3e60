public import Clouds
import Foundation
import Names
public import State

/// A cloudpipe that was taken over from what a cloud tells of it.
public struct AdoptedCloudpipe: Sendable {
  public let id: NetworkID
  /// The state had it already, and nothing was done.
  public let wasKnown: Bool
  /// The project's CA and keys are nowhere: its users can neither be revoked nor get new certificates until it is booted
  /// anew.
  public let hasLostKeys: Bool
}

extension Launcher {
  /// Writes down again a cloudpipe that the state has lost, so that every command finds it.
  ///
  /// In the cloud nothing changes but the project's key pair where its private half is lost: it is removed, so that the next
  /// boot can make another.
  ///
  /// - Throws: ``LaunchError/different(_:what:is:asked:)`` where the project is in another cloud, `StateError`, `NameError`,
  ///   what the cloud throws, `CancellationError`.
  public func adopt(_ found: FoundCloudpipe) async throws -> AdoptedCloudpipe {
    let lock = try await lock(found.id)
    let site = try await site(found.id, lock)
    try await settle(at: site)
    let adopted = try await state.write { try adopt(found, at: site, $0) }
    if adopted.hasLostKeys, let keyPair = found.keyPair,
      try await state.read({ try !$0.hasKey(of: keyPair, found.id.project) })
    {
      try await site.cloud.removeKeyPair(keyPair)
    }
    return adopted
  }

  private func adopt(
    _ found: FoundCloudpipe, at site: LaunchSite, _ transaction: Transaction
  ) throws -> AdoptedCloudpipe {
    let (id, date) = (found.id, now())
    if try transaction.networks.find(id) != nil {
      let hasLostKeys = try transaction.instances.find(id)?.hasLostKeys ?? false
      return AdoptedCloudpipe(id: id, wasKnown: true, hasLostKeys: hasLostKeys)
    }
    try transaction.projects.ensure(id.project, at: date)
    let network = try network(of: found, beside: transaction.networks.all(), at: date)
    try transaction.networks.insert(network, mac: found.place.mac)
    if let address = found.publicAddress, let port = found.publicPort {
      try transaction.publicPorts.change(to: PublicPort(address: address, port: port, network: id, createdAt: date))
    }
    if try transaction.images.find(found.image.id) == nil {
      try transaction.images.register(Image(found.image, at: date))
    }
    let hasLostKeys = try !transaction.hasKey(of: found.keyPair, id.project)
    var handle = found.handle ?? [:]
    handle[Transaction.cloudKey] = site.cloud.name
    handle[BootStep.flavor] = found.flavor
    handle[BootStep.image] = found.image.cloudID
    if hasLostKeys { handle[Instance.lostKeysKey] = "true" }
    let isThere = found.handle != nil && !hasLostKeys
    try transaction.instances.insert(
      Instance(
        id: id, cloud: site.cloud.kind, state: isThere ? .pending : .down, imageId: found.image.id, handle: handle,
        createdAt: date))
    return AdoptedCloudpipe(id: id, wasKnown: false, hasLostKeys: hasLostKeys)
  }

  private func network(of found: FoundCloudpipe, beside others: [Network], at date: Date) throws -> Network {
    let (place, memo) = (found.place, try NetworkMemo(found.memo))
    let clients = memo.clients ?? (found.keptClients > 0 ? found.keptClients : defaults.clients)
    var (tunnel, tunnel6) = (memo.tunnel, memo.tunnel6)
    if place.mode == .routed && tunnel == nil {
      let chosen = try TunnelNetworks.choose(
        clients: clients, hasIPv6: memo.cidr6 != nil, in: defaults.tunnelRange,
        taken: others.map(\.cidr) + others.compactMap(\.tunnelPool) + memo.routes + [place.cidr])
      (tunnel, tunnel6) = (chosen.pool, chosen.pool6)
    }
    return try Network(
      id: found.id, cidr: place.cidr, cidr6: memo.cidr6, mode: place.mode, gateway: place.gateway,
      reservedAddress: place.address, poolSize: clients, tunnelPool: place.mode == .routed ? tunnel : nil,
      tunnelPool6: place.mode == .routed ? tunnel6 : nil, routes: memo.routes, dns: memo.dns, dnsDomain: memo.domain,
      createdAt: date)
  }
}

extension Transaction {
  /// Whether the project's key pair is the one that its cloud has. A project's CA and keys come with its first key pair, and
  /// what was launched with the one was launched with the others.
  fileprivate func hasKey(of keyPair: CloudKeyPair?, _ project: ProjectID) throws -> Bool {
    guard let known = try keyPairs.find(of: project) else { return false }
    return keyPair?.hasKey(of: known.publicKey) ?? true
  }
}

extension Instance {
  /// In the handle of one that was adopted without its project's keys.
  static let lostKeysKey = "lostKeys"

  /// What it was launched with is lost, until it is booted anew.
  var hasLostKeys: Bool { handle[Self.lostKeysKey] != nil }
}
