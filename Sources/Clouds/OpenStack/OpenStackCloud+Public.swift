public import Names
import OpenStack
public import State

extension OpenStackCloud {
  /// OpenVPN's own port, where a cloudpipe has an address of its own.
  static let ownPort = (try? PortNumber("1194")).map { $0...$0 }

  public func claimAddress(
    for id: NetworkID, _ address: IPv4Address?, ports: ClosedRange<PortNumber>
  ) async throws -> AddressClaim? {
    let mark = settings.publicAccess == .shared ? .sharedAddress : OpenStackMark(id)
    let floating = try await floatingAddress(marked: mark, wanted: address)
    let claimed = try IPv4Address(floating.floatingIpAddress)
    switch settings.publicAccess {
    case .floating: return AddressClaim(address: claimed, ports: [Self.ownPort].compactMap(\.self))
    case .shared:
      // Of other cpbuilds' too, which share the address.
      let taken = try await neutron.forwardings(of: floating.id).filter {
        $0.description != OpenStackMark(id).description
      }
      return AddressClaim(address: claimed, ports: ports.without(taken.compactMap(\.externalPort)))
    }
  }

  public func publicPorts(among ports: ClosedRange<PortNumber>) -> ClosedRange<PortNumber>? {
    settings.publicAccess == .shared ? ports : Self.ownPort
  }

  public func releaseAddress(of id: NetworkID) async throws {
    for floating in try await floatingAddresses(of: id) {
      try await release(floating, of: id, evenUnused: settings.publicAccess == .shared)
    }
  }

  /// Whether an address is shared is told by its mark: the settings may be others now than at the launch.
  ///
  /// - Parameter evenUnused: also a shared one that nothing of the network's was forwarded from.
  private func release(_ floating: FloatingAddressRecord, of id: NetworkID, evenUnused: Bool) async throws {
    if floating.isShared {
      let all = try await neutron.forwardings(of: floating.id)
      let own = all.filter { $0.description == OpenStackMark(id).description }
      for old in own { try await remove(old, of: id, at: floating) }
      guard own.count == all.count, evenUnused || !own.isEmpty else { return }
    }
    let doing = "release the floating address \(floating.floatingIpAddress)"
    guard floating.isFound else { return try await neutron.remove(.floatingips, floating.id, doing: doing) }
    try await neutron.associate(floating.id, with: nil, doing: doing)
    let others = (floating.tags ?? []).filter { !OpenStackMark.isOurs(tag: $0) }
    try await neutron.tag(.floatingips, floating.id, others, doing: doing)
    _ = try await describe(floating, as: "", doing: doing)
  }

  public func publish(_ forward: PublicForward) async throws {
    let id = forward.network
    guard let port = try await port(of: id) else { throw OpenStackError.unknown(what: "port of \(id)", known: []) }
    let all = try await floatingAddresses(of: id)
    guard let floating = all.first(where: { $0.floatingIpAddress == forward.address.text }) else {
      throw OpenStackError.unknown(
        what: "floating address \(forward.address) for \(id)", known: all.map(\.floatingIpAddress))
    }
    // Those that it had before a change.
    for other in all where other.id != floating.id { try await release(other, of: id, evenUnused: false) }
    if floating.isShared {
      try await publish(forward, at: floating, port)
    } else if floating.portId != port.id {
      try await neutron.associate(floating.id, with: port.id, doing: "point \(forward.address) at \(port.name)")
    }
  }

  public func unpublish(_ id: NetworkID) async throws {
    for floating in try await floatingAddresses(of: id) {
      if floating.isShared {
        // With the last forwarding nothing tells any more whose the address was.
        try await release(floating, of: id, evenUnused: false)
      } else if floating.portId != nil {
        try await neutron.associate(
          floating.id, with: nil, doing: "take \(floating.floatingIpAddress) from its port")
      }
    }
  }

  private func publish(_ forward: PublicForward, at floating: FloatingAddressRecord, _ port: PortRecord) async throws {
    let id = forward.network
    let mark = OpenStackMark(id)
    let wanted = Int(forward.port.rawValue)
    for old in try await neutron.forwardings(of: floating.id)
    where old.description == mark.description && (old.externalPort != wanted || old.internalPortId != port.id) {
      try await remove(old, of: id, at: floating)
    }
    let request = PortForwardingRequest(
      externalPort: wanted, address: forward.instance.text, port: port.id, description: mark.description)
    _ = try await session.converge {
      let all = try await neutron.forwardings(of: floating.id)
      return all.contains { $0.description == mark.description && $0.externalPort == wanted } ? true : nil
    } make: {
      try await neutron.forward(
        floating.id, request, doing: "forward \(forward.address):\(forward.port) to \(port.name)")
      return true
    }
  }

  private func remove(
    _ forwarding: PortForwardingRecord, of id: NetworkID, at floating: FloatingAddressRecord
  ) async throws {
    try await neutron.removeForwarding(forwarding.id, of: floating.id, doing: "end the forwarding of \(id)")
  }

  /// The network's own, and those that networks share.
  func floatingAddresses(of id: NetworkID) async throws -> [FloatingAddressRecord] {
    try await floatingAddresses(OpenStackMark(id), .sharedAddress)
  }

  /// With any of these marks.
  private func floatingAddresses(_ marks: OpenStackMark...) async throws -> [FloatingAddressRecord] {
    let descriptions = marks.flatMap { [$0.description, $0.foundDescription] }
    let all: [FloatingAddressRecord] = try await neutron.all(
      .floatingips,
      descriptions.map { ("description", $0) } + [("project_id", try await session.standing.project)],
      doing: "look for the floating address of \(marks.map(\.subject).joined(separator: " or the "))")
    return all.filter { descriptions.contains($0.description ?? "") }
  }

  /// One that the project has and nothing uses, which who may not choose new addresses can choose.
  private func unusedAddress(_ address: IPv4Address) async throws -> FloatingAddressRecord? {
    let all: [FloatingAddressRecord] = try await neutron.all(
      .floatingips,
      [("floating_ip_address", address.text), ("project_id", try await session.standing.project)],
      doing: "look for the floating address \(address)")
    guard let found = all.first, found.floatingIpAddress == address.text, found.portId == nil, !found.isShared,
      OpenStackMark.network(in: found.description) == nil, try await neutron.forwardings(of: found.id).isEmpty
    else { return nil }
    return found
  }

  private func describe(
    _ floating: FloatingAddressRecord, as description: String, doing: String
  ) async throws -> FloatingAddressRecord {
    try await neutron.change(
      .floatingips, "floatingip", floating.id, ["description": description], doing: doing)
  }

  private func floatingAddress(
    marked mark: OpenStackMark, wanted: IPv4Address?
  ) async throws -> FloatingAddressRecord {
    let outside = try await externalNetwork()
    let request = FloatingAddressRequest(network: outside.id, description: mark.description, address: wanted?.text)
    let floating: FloatingAddressRecord = try await session.converge {
      try await floatingAddresses(mark).first { wanted == nil || $0.floatingIpAddress == wanted?.text }
    } make: {
      if let wanted, let found = try await unusedAddress(wanted) {
        return try await describe(
          found, as: mark.foundDescription, doing: "take the floating address \(wanted) into use")
      }
      return try await neutron.make(
        .floatingips, "floatingip", request,
        doing: "take \(wanted.map { "the floating address \($0)" } ?? "a floating address") of \(outside.name)")
    }
    if floating.tags?.contains(mark.tag) != true {
      try await neutron.tag(
        .floatingips, floating.id, (floating.tags ?? []) + mark.tags,
        doing: "tag the floating address \(floating.floatingIpAddress)")
    }
    return floating
  }

  private func externalNetwork() async throws -> CloudNetwork {
    let all: [CloudNetwork] = try await neutron.all(
      .networks, [("router:external", "true")], doing: "list the networks to the outside")
    if let wanted = settings.externalNetwork {
      guard let one = all.first(where: { $0.id == wanted || $0.name == wanted }) else {
        throw OpenStackError.unknown(what: "external network \(wanted)", known: all.map(\.name).sorted())
      }
      return one
    }
    guard let one = all.first, all.count == 1 else {
      throw OpenStackError.impossible(
        doing: "take a floating address",
        why: all.isEmpty
          ? "the cloud has no network to the outside"
          : "there are several networks to the outside (\(all.map(\.name).sorted().joined(separator: ", "))): name one "
            + "as 'external-network' in cpbuild.yaml")
    }
    return one
  }
}

extension FloatingAddressRecord {
  var isShared: Bool {
    [OpenStackMark.sharedAddress.description, OpenStackMark.sharedAddress.foundDescription].contains(description)
  }
  /// It was there before, and stays.
  var isFound: Bool { description?.hasSuffix(" found") == true }
}

extension ClosedRange where Bound == PortNumber {
  /// The ranges that are left without these ports.
  func without(_ taken: [Int]) -> [ClosedRange<PortNumber>] {
    var parts: [ClosedRange<PortNumber>] = []
    var low = Int(lowerBound.rawValue)
    func add(_ first: Int, _ last: Int) {
      if first <= last, let first = try? PortNumber("\(first)"), let last = try? PortNumber("\(last)") {
        parts.append(first...last)
      }
    }
    for port in taken.sorted() where port >= low && port <= Int(upperBound.rawValue) {
      add(low, port - 1)
      low = port + 1
    }
    add(low, Int(upperBound.rawValue))
    return parts
  }
}
