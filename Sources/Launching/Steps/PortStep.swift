import Clouds
import Names
import State

/// Takes the public address and port.
struct PortStep: ReversibleStep {
  static let name = StepName.port

  /// Nil: as the defaults have it, else found.
  let address: IPv4Address?
  /// Nil: the lowest that is free.
  let port: PortNumber?
  let defaults: LaunchDefaults
  let host: @Sendable () async throws -> HostNetworks

  /// What is wrong whatever the launch does.
  ///
  /// - Throws: ``LaunchError``, `StateError.alreadyExists` when another network has the port; what the cloud throws.
  func check(at site: LaunchSite) async throws {
    if try await existing(at: site) != nil { return }
    if let port, let ports = site.cloud.publicPorts(among: defaults.ports) {
      guard ports.contains(port) else { throw LaunchError.portTaken(port, on: address) }
    } else if site.cloud.kind == .local {
      let address = try await hostAddress()
      guard let port else { return }
      let others = try await site.state.read { try $0.publicPorts.all() }
      if let other = others.first(where: { ($0.address, $0.port) == (address, port) }) {
        throw StateError.alreadyExists(kind: "public port", id: "\(address):\(port)/\(other.protocol)")
      }
      try await site.check(port, on: address)
    }
  }

  func existing(at site: LaunchSite) async throws -> PublicPort? {
    let found = try await site.state.read { try $0.publicPorts.find(site.id) }
    guard let found else { return nil }
    if let address, address != found.address {
      throw LaunchError.different(
        site.id, what: "public address", is: found.address.text,
        asked: "\(address) ('cpbuild change' moves it)")
    }
    if let port, port != found.port {
      throw LaunchError.different(
        site.id, what: "public port", is: "\(found.port)", asked: "\(port) ('cpbuild change' moves it)")
    }
    return found
  }

  func make(at site: LaunchSite) async throws -> PublicPort {
    if let claim = try await site.claimAddress(self.address, port, among: defaults.ports) {
      return try await take(claim, at: site)
    }
    let address = try await hostAddress()
    let others = port == nil ? Set(try await site.cloud.holders(of: address).keys) : []
    return try await site.state.write { transaction in
      if let port {
        let row = PublicPort(address: address, port: port, network: site.id, createdAt: site.now())
        try transaction.publicPorts.change(to: row)
        return row
      }
      return try transaction.publicPorts.allocate(
        for: site.id, on: address, in: defaults.ports, but: others, at: site.now())
    }
  }

  func note(of product: PublicPort) -> [String: String] {
    ["address": product.address.text, "port": "\(product.port)"]
  }

  /// One of this machine's.
  private func hostAddress() async throws -> IPv4Address {
    try PublicAddress.choose(address ?? defaults.publicAddress, host: try await host())
  }

  /// A public address of the cloud's own.
  private func take(_ claim: AddressClaim, at site: LaunchSite) async throws -> PublicPort {
    try await site.state.write { transaction in
      if let port {
        let row = PublicPort(address: claim.address, port: port, network: site.id, createdAt: site.now())
        try transaction.publicPorts.change(to: row)
        return row
      }
      for ports in claim.ports.dropLast() {
        do {
          return try transaction.publicPorts.allocate(for: site.id, on: claim.address, in: ports, at: site.now())
        } catch StateError.noFreePort {}
      }
      let last = claim.ports.last ?? defaults.ports
      return try transaction.publicPorts.allocate(for: site.id, on: claim.address, in: last, at: site.now())
    }
  }

  static func undo(at site: LaunchSite) async throws {
    try await site.cloud.releaseAddress(of: site.id)
    try await site.state.write { try $0.publicPorts.release(site.id) }
  }
}

extension LaunchSite {
  /// - Throws: ``LaunchError/portInUse(_:on:by:)`` when somebody else has the port, what the cloud throws.
  func check(_ port: PortNumber, on address: IPv4Address) async throws {
    if let holder = try await cloud.holders(of: address)[port] {
      throw LaunchError.portInUse(port, on: address, by: holder)
    }
  }

  /// A public address of the cloud's own where `port` can be had; nil where addresses are this machine's.
  ///
  /// - Throws: ``LaunchError/portTaken(_:on:)``, before anything is claimed where no address has the port.
  func claimAddress(
    _ address: IPv4Address?, _ port: PortNumber?, among ports: ClosedRange<PortNumber>
  ) async throws -> AddressClaim? {
    if let port, cloud.publicPorts(among: ports)?.contains(port) == false {
      throw LaunchError.portTaken(port, on: address)
    }
    let claim = try await cloud.claimAddress(for: id, address, ports: ports)
    if let port, let claim, !claim.ports.contains(where: { $0.contains(port) }) {
      throw LaunchError.portTaken(port, on: claim.address)
    }
    return claim
  }
}

/// The address that users connect to.
enum PublicAddress {
  /// The one that was chosen, which has to be one of this machine's; else the one that it speaks to the world with;
  /// else loopback, where at least its own users find it.
  ///
  /// - Throws: ``LaunchError/foreignAddress(_:)``.
  static func choose(_ chosen: IPv4Address?, host: HostNetworks) throws -> IPv4Address {
    guard let chosen else { return host.outward ?? IPv4Address(bits: 0x7f00_0001) }
    // All of 127.0.0.0/8 is this machine (RFC 1122, 3.2.1.3).
    guard host.addresses.contains(chosen) || chosen.bits >> 24 == 127 else { throw LaunchError.foreignAddress(chosen) }
    return chosen
  }
}
