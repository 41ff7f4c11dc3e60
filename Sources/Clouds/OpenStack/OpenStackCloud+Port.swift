import Names
import OpenStack
import State

extension OpenStackCloud {
  /// Bridged clients speak with addresses and MAC addresses of their own through the cloudpipe's port, which Neutron's
  /// protection against forged senders drops without a word. Nothing but switching it off for the port lets by MAC
  /// addresses that nobody knows beforehand; who may do that is the network's owner. Else the routed mode it is, where
  /// all clients speak with the cloudpipe's own address.
  ///
  /// - Parameter ports: what an earlier launch made that was killed.
  func mode(
    _ wish: NetworkWish, on network: CloudNetwork, cidr: IPv4Network, having ports: [PortRecord],
    _ remarks: inout [String]
  ) async throws -> VPNMode {
    guard wish.mode != .routed else { return .routed }
    let hindrance = try await hindrance(wish, on: network, cidr: cidr, having: ports)
    guard let hindrance else { return .bridged }
    guard wish.mode == nil else {
      throw OpenStackError.impossible(doing: "bridge clients into the network \(network.name)", why: hindrance)
    }
    remarks.append("\(wish.id) is in routed mode: \(hindrance)")
    return .routed
  }

  /// Why clients can't be bridged into the network; nil when they can.
  private func hindrance(
    _ wish: NetworkWish, on network: CloudNetwork, cidr: IPv4Network, having ports: [PortRecord]
  ) async throws -> String? {
    let (project, _, roles) = try await session.standing
    guard network.projectId == project || roles.contains("admin") else {
      return "port security filters what clients send, and only the network's owner may switch it off for a port"
    }
    // Without the extension nothing is filtered that could be switched off.
    guard try await neutron.extensions().contains("port-security") else {
      return "the cloud doesn't let port security be switched off, which filters what clients send"
    }
    guard let clients = cidr.lastHosts(wish.clients) else { return "\(cidr) has no room for \(wish.clients) clients" }
    do {
      try await keep(clients, for: wish, on: network, having: ports)
      return nil
    } catch OpenStackError.conflict {
      try await releaseNetwork(wish.id)
      return "some of the addresses \(clients.lowerBound) to \(clients.upperBound), the clients', are taken"
    } catch OpenStackError.forbidden {
      try await releaseNetwork(wish.id)
      return "the user may not choose addresses of the network for clients"
    }
  }

  /// Ports that no instance has, so that nobody is handed the clients' addresses.
  private func keep(
    _ clients: ClosedRange<IPv4Address>, for wish: NetworkWish, on network: CloudNetwork, having ports: [PortRecord]
  ) async throws {
    let all = (clients.lowerBound.bits...clients.upperBound.bits).map { IPv4Address(bits: $0).text }
    let name = wish.instance + Self.clientsSuffix
    // Neutron's standard limit of addresses a port (max_fixed_ips_per_port).
    for begin in stride(from: 0, to: all.count, by: 5) {
      let part = Array(all[begin..<min(begin + 5, all.count)])
      var request = PortRequest()
      request.networkId = network.id
      request.name = name
      request.description = OpenStackMark(wish.id).description
      request.fixedIps = part.map { FixedAddress(subnetId: nil, ipAddress: $0) }
      let body = request
      let isKept: @Sendable (PortRecord) -> Bool = { port in port.fixedIps.contains { $0.ipAddress == part.first } }
      let port: PortRecord = try await session.converge(isAbsent: !ports.contains(where: isKept)) {
        try await self.ports(of: wish.id).first(where: isKept)
      } make: {
        try await neutron.make(.ports, "port", body, doing: "keep addresses for the clients of \(wish.id)")
      }
      try await tag(port, for: wish.id)
    }
  }

  /// The cloudpipe's own port, of which there is none.
  func makePort(
    _ wish: NetworkWish, on subnet: SubnetRecord, cidr: IPv4Network, mode: VPNMode, _ remarks: inout [String]
  ) async throws -> PortRecord {
    var request = PortRequest()
    request.networkId = subnet.networkId
    request.name = wish.instance
    request.description = OpenStackMark(wish.id).description
    switch mode {
    case .bridged:
      request.portSecurityEnabled = false
      request.securityGroups = []
    case .routed:
      guard let group = try await group(named: wish.securityGroup) else {
        throw OpenStackError.unknown(what: "security group \(wish.securityGroup)", known: [])
      }
      request.securityGroups = [group.id]
    }
    let second = cidr.address(at: 2)
    guard let wanted = wish.address ?? second else {
      throw OpenStackError.impossible(doing: "find an address in \(cidr)", why: "it is too small")
    }
    do {
      return try await make(request, on: subnet, address: wanted, for: wish)
    } catch let error as OpenStackError where wish.address == nil && error.leavesOtherAddresses {
      let port = try await make(request, on: subnet, address: nil, for: wish)
      if port.address == wanted { return port }
      let got = port.address.map { "\($0)" } ?? "none"
      remarks.append(
        "the cloudpipe has the address \(got), since \(wanted), the second of \(cidr), can't be had: \(error.reason)")
      return port
    }
  }

  private func make(
    _ request: PortRequest, on subnet: SubnetRecord, address: IPv4Address?, for wish: NetworkWish
  ) async throws -> PortRecord {
    var request = request
    request.fixedIps = [FixedAddress(subnetId: subnet.id, ipAddress: address?.text)]
    let body = request
    // What was in the way of the address that was wished for may be what an unheard try made.
    let port: PortRecord = try await session.converge(isAbsent: address != nil) {
      try await self.port(of: wish.id)
    } make: {
      try await neutron.make(.ports, "port", body, doing: "make the port \(wish.instance)")
    }
    try await tag(port, for: wish.id)
    return port
  }

  private func tag(_ port: PortRecord, for id: NetworkID) async throws {
    let mark = OpenStackMark(id)
    guard port.tags?.contains(mark.tag) != true else { return }
    try await neutron.tag(.ports, port.id, mark.tags, doing: "tag the port \(port.name)")
  }
}

extension OpenStackError {
  /// Another address may be had where this one can't.
  fileprivate var leavesOtherAddresses: Bool {
    switch self {
    case .conflict, .forbidden: true
    case .refused(_, let status, _): status == 400
    default: false
    }
  }

  fileprivate var reason: String {
    switch self {
    case .conflict(_, let why), .forbidden(_, let why), .refused(_, _, let why): why
    default: "\(self)"
    }
  }
}
