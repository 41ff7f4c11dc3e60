public import Foundation
public import Names

/// What a cloudpipe is told about the VPN that it serves; the `settings` file of its payload.
public struct Settings: Hashable, Sendable {
  /// How users join the network.
  public enum Mode: Hashable, Sendable {
    /// As if plugged into it: the cloudpipe's own address and netmask there, and the addresses that clients get.
    case bridged(address: IPv4Address, netmask: IPv4Address, clients: ClosedRange<IPv4Address>)
    /// Through a network of their own: /16 to /29, and /64 to /124 for IPv6.
    case routed(pool: IPv4Network, pool6: IPv6Network?)
  }

  public var project: ProjectID
  public var network: NetworkName
  public var mode: Mode
  /// UDP, on the instance.
  public var port: PortNumber
  /// What clients reach through the VPN beside the network itself.
  public var routes: [IPv4Network]
  public var routes6: [IPv6Network]
  /// Name servers that clients are told of.
  public var dns: [IPv4Address]
  public var dns6: [IPv6Address]
  public var dnsDomain: HostName?
  public var crlLocation: CRLLocation?
  /// When the payload's CRLs end; nil where a CA has none.
  public var crlEnd: Date?
  /// At least 1.
  public var maxClients: Int

  public init(
    project: ProjectID, network: NetworkName = .standard, mode: Mode, port: PortNumber = .openVPN,
    routes: [IPv4Network] = [], routes6: [IPv6Network] = [], dns: [IPv4Address] = [], dns6: [IPv6Address] = [],
    dnsDomain: HostName? = nil, crlLocation: CRLLocation? = nil, crlEnd: Date? = nil, maxClients: Int
  ) {
    self.project = project
    self.network = network
    self.mode = mode
    self.port = port
    self.routes = routes
    self.routes6 = routes6
    self.dns = dns
    self.dns6 = dns6
    self.dnsDomain = dnsDomain
    self.crlLocation = crlLocation
    self.crlEnd = crlEnd
    self.maxClients = maxClients
  }

  /// The file's text, always in the same order.
  ///
  /// - Throws: ``PayloadError/setting(key:why:)`` when values don't fit each other.
  public func text() throws(PayloadError) -> String {
    guard maxClients >= 1 else { throw .setting(key: "MAX_CLIENTS", why: "\(maxClients) clients are none") }
    var address = "", netmask = "", lower = "", upper = "", pool = "", pool6 = ""
    let modeName: String
    switch mode {
    case .bridged(let own, let mask, let clients):
      try check(own, mask, clients)
      modeName = "bridged"
      (address, netmask) = (own.text, mask.text)
      (lower, upper) = (clients.lowerBound.text, clients.upperBound.text)
    case .routed(let range, let range6):
      guard (16...29).contains(range.prefixLength) else {
        throw .setting(key: "POOL", why: "\(range) isn't a /16 to /29")
      }
      if let range6, !(64...124).contains(range6.prefixLength) {
        throw .setting(key: "POOL6", why: "\(range6) isn't a /64 to /124")
      }
      modeName = "routed"
      (pool, pool6) = (range.text, range6?.text ?? "")
    }
    return try SettingsText.render([
      "PROJECT": project.text,
      "NETWORK": network.text,
      "MODE": modeName,
      "PORT": port.description,
      "VPN_IP": address,
      "DHCP_SUBNET": netmask,
      "DHCP_LOWER": lower,
      "DHCP_UPPER": upper,
      "POOL": pool,
      "POOL6": pool6,
      "ROUTES": (routes.map(\.text) + routes6.map(\.text)).joined(separator: ","),
      "DNS": (dns.map(\.text) + dns6.map(\.text)).joined(separator: ","),
      "DNS_DOMAIN": dnsDomain?.text ?? "",
      "CRL_URL": crlLocation?.text ?? "",
      "CRL_UNTIL": crlEnd.map { String(Int64($0.timeIntervalSince1970)) } ?? "",
      "MAX_CLIENTS": String(maxClients),
    ])
  }

  /// A bridged cloudpipe and its clients are in one network, and the clients never get the cloudpipe's address.
  private func check(
    _ own: IPv4Address, _ mask: IPv4Address, _ clients: ClosedRange<IPv4Address>
  ) throws(PayloadError) {
    let hostBits = ~mask.bits
    guard hostBits & (hostBits &+ 1) == 0 else { throw .setting(key: "DHCP_SUBNET", why: "\(mask) is no netmask") }
    guard !clients.contains(own) else {
      throw .setting(key: "DHCP_LOWER", why: "the cloudpipe's own \(own) is one of the clients' addresses")
    }
    for bound in [clients.lowerBound, clients.upperBound] where bound.bits & mask.bits != own.bits & mask.bits {
      throw .setting(key: "DHCP_LOWER", why: "\(bound) isn't in the network of \(own)")
    }
  }
}
