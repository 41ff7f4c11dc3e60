import Clouds
import Foundation
import Host
public import Names
public import State

extension Launcher {
  /// Ends a network's cloudpipe and frees all that it had at once; one that isn't there is fine. The project's CA and
  /// what it revoked stay.
  ///
  /// - Throws: `StateError`, `HostError`, `CancellationError`; the next command goes on where this one stopped.
  public func terminate(_ id: NetworkID) async throws {
    let lock = try await lock(id)
    let site = try await site(id, lock)
    if try await state.read({ try $0.networks.find(id) }) == nil {
      guard let left = try await LaunchJournal.left(at: site) else { return }
      // What is undone already is only looked for once more.
      if LaunchJournal.isUndone(try await left.steps) { return try await undo(left) }
    }
    try await undo(try await LaunchJournal.condemn(at: site))
  }

  /// Moves a cloudpipe to another public address or port.
  ///
  /// The row and the journal change in one transaction, so that a kill leaves the old place or the next command makes
  /// the new one.
  ///
  /// - Returns: the place that it had, and the one that it has now.
  /// - Throws: ``LaunchError``, `StateError.alreadyExists` when another network has that port; what the cloud throws.
  public func change(
    _ id: NetworkID, address: IPv4Address?, port: PortNumber?
  ) async throws -> (old: PublicPort, new: PublicPort) {
    let lock = try await lock(id)
    let site = try await site(id, lock)
    try await settle(at: site)
    let instance = try await instance(id)
    let chosen = try await chosenAddress(address, port, at: site)
    if let old = try await state.read({ try $0.publicPorts.find(id) }) {
      let place = (address: chosen ?? old.address, port: port ?? old.port)
      if place != (old.address, old.port) { try await site.check(place.port, on: place.address) }
    }
    let ports = try await state.write { transaction -> (old: PublicPort, new: PublicPort)? in
      guard let old = try transaction.publicPorts.find(id) else { return nil }
      let new = PublicPort(
        address: chosen ?? old.address, protocol: old.protocol, port: port ?? old.port, network: id, createdAt: now())
      guard (new.address, new.port) != (old.address, old.port) else { return (old, old) }
      try transaction.publicPorts.change(to: new)
      _ = try LaunchJournal.begin(at: site, transaction)
      return (old, new)
    }
    guard let ports else { throw LaunchError.notLaunched(id) }
    if ports.old != ports.new { _ = try await bringUp(request(of: instance), at: site, isRestart: false, waits: false) }
    return ports
  }
}

extension Launcher {
  /// Where a cloudpipe moves to; nil where it stays at its address.
  private func chosenAddress(
    _ address: IPv4Address?, _ port: PortNumber?, at site: LaunchSite
  ) async throws -> IPv4Address? {
    guard address != nil || port != nil else { return nil }
    if let claim = try await site.claimAddress(address, port, among: defaults.ports) { return claim.address }
    guard let address else { return nil }
    return try PublicAddress.choose(address, host: try await host())
  }
}
