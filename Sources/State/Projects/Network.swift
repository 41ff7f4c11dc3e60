public import Foundation
public import Names

/// How a cloudpipe joins its users to the network: as if plugged into it (tap), or through a network of their own (tun).
public enum VPNMode: String, Codable, Sendable, CaseIterable {
  case bridged, routed
}

/// Which network of which project.
public struct NetworkID: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
  public let project: ProjectID
  public let name: NetworkName

  public init(project: ProjectID, name: NetworkName) {
    self.project = project
    self.name = name
  }

  public var description: String { "\(project)/\(name)" }

  public static func < (left: NetworkID, right: NetworkID) -> Bool {
    (left.project, left.name) < (right.project, right.name)
  }
}

/// A private network of a project. Its first host address is the gateway's, its second is reserved for the cloudpipe,
/// unless it was there before cpbuild came and has them otherwise.
public struct Network: Hashable, Codable, Sendable {
  public let projectId: ProjectID
  public let name: NetworkName
  /// At least a /29: smaller ones have no room for gateway, cloudpipe and a client.
  public let cidr: IPv4Network
  let firstAddress: UInt32
  let lastAddress: UInt32
  public let cidr6: IPv6Network?
  public let mode: VPNMode
  public let gateway: IPv4Address
  /// The cloudpipe's.
  public let reservedAddress: IPv4Address
  /// How many addresses at the top of the network are for VPN clients and never handed to machines.
  public let poolSize: Int
  /// Where the clients' addresses come from in routed mode; nil in bridged mode.
  public let tunnelPool: IPv4Network?
  public let tunnelPool6: IPv6Network?
  /// What clients are told to reach through the VPN beside the network itself.
  public let routes: [IPv4Network]
  /// Name servers that clients are told of.
  public let dns: [IPv4Address]
  public let dnsDomain: HostName?
  /// In whole seconds.
  public let createdAt: Date

  /// - Parameters:
  ///   - gateway: nil: the first address.
  ///   - reservedAddress: the cloudpipe's; nil: the second.
  ///   - tunnelPool: needed in routed mode, nil in bridged mode.
  /// - Throws: ``StateError/unsuitable(kind:id:why:)`` when the network is too small for its pool, or the cloudpipe can't
  ///   have that address.
  public init(
    id: NetworkID, cidr: IPv4Network, cidr6: IPv6Network? = nil, mode: VPNMode, gateway: IPv4Address? = nil,
    reservedAddress: IPv4Address? = nil, poolSize: Int = 5,
    tunnelPool: IPv4Network? = nil, tunnelPool6: IPv6Network? = nil, routes: [IPv4Network] = [],
    dns: [IPv4Address] = [], dnsDomain: HostName? = nil, createdAt: Date
  ) throws {
    guard let gateway = gateway ?? cidr.address(at: 1), let reserved = reservedAddress ?? cidr.address(at: 2),
      cidr.hosts.contains(gateway), poolSize >= 1, cidr.count >= 8, poolSize <= cidr.count - 4
    else {
      throw StateError.unsuitable(
        kind: "network", id: "\(id)", why: "\(cidr) has no room for gateway, cloudpipe and \(poolSize) clients")
    }
    try Self.check(cloudpipe: reserved, of: id, in: cidr, gateway: gateway)
    projectId = id.project
    name = id.name
    self.cidr = cidr
    firstAddress = cidr.address.bits
    lastAddress = cidr.last.bits
    self.cidr6 = cidr6
    self.mode = mode
    self.gateway = gateway
    self.reservedAddress = reserved
    self.poolSize = poolSize
    self.tunnelPool = tunnelPool
    self.tunnelPool6 = tunnelPool6
    self.routes = routes
    self.dns = dns
    self.dnsDomain = dnsDomain
    self.createdAt = createdAt
  }

  /// Whether a cloudpipe can have an address.
  ///
  /// - Throws: ``StateError/unsuitable(kind:id:why:)``.
  public static func check(
    cloudpipe address: IPv4Address, of id: NetworkID, in cidr: IPv4Network, gateway: IPv4Address
  ) throws {
    guard cidr.hosts.contains(address), address != gateway else {
      let (first, last) = (cidr.hosts.lowerBound, cidr.hosts.upperBound)
      throw StateError.unsuitable(
        kind: "address", id: "\(address) of \(id)",
        why: "choose one from \(first) to \(last) that isn't the gateway's, \(gateway)")
    }
  }

  public var id: NetworkID { NetworkID(project: projectId, name: name) }

  /// Where an address is, counted from the network's own.
  func position(of address: IPv4Address) -> Int { Int(address.bits) - Int(cidr.address.bits) }

  /// The positions, counted from the network's own address, of the addresses that machines may get; empty when the
  /// clients' pool takes all that the gateway and the cloudpipe leave.
  var machinePositions: Range<Int> { 3..<(cidr.count - 1 - poolSize) }
}

extension Network: StateRecord {
  static let databaseTableName = "networks"
}
