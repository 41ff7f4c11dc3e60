public import Names
public import State

/// What a launch asks of a cloud whose networks are there already.
public struct NetworkWish: Sendable {
  public let id: NetworkID
  /// The instance's name, and what its port is called.
  public let instance: String
  /// The security group that is to guard the port.
  public let securityGroup: String
  /// The subnet, where the network has several.
  public let cidr: IPv4Network?
  /// The cloudpipe's address; nil: the second of the subnet if it is free, else any.
  public let address: IPv4Address?
  /// Nil: bridged where the cloud lets it be.
  public let mode: VPNMode?
  /// How many clients are to have addresses of the network in bridged mode.
  public let clients: Int

  public init(
    id: NetworkID, instance: String, securityGroup: String, cidr: IPv4Network?, address: IPv4Address?, mode: VPNMode?,
    clients: Int
  ) {
    self.id = id
    self.instance = instance
    self.securityGroup = securityGroup
    self.cidr = cidr
    self.address = address
    self.mode = mode
    self.clients = clients
  }
}

/// A place in a network that was there already, which nobody else gets from now on.
public struct NetworkClaim: Hashable, Sendable {
  public let cidr: IPv4Network
  public let gateway: IPv4Address
  public let address: IPv4Address
  public let mac: MACAddress?
  public let mode: VPNMode
  /// What isn't as one would expect, and why, in words for people.
  public let remarks: [String]

  public init(
    cidr: IPv4Network, gateway: IPv4Address, address: IPv4Address, mac: MACAddress?, mode: VPNMode, remarks: [String]
  ) {
    self.cidr = cidr
    self.gateway = gateway
    self.address = address
    self.mac = mac
    self.mode = mode
    self.remarks = remarks
  }
}

/// A public address of a cloud's own, and the ports of it that may be taken.
public struct AddressClaim: Hashable, Sendable {
  public let address: IPv4Address
  /// In the order in which they are to be tried.
  public let ports: [ClosedRange<PortNumber>]

  public init(address: IPv4Address, ports: [ClosedRange<PortNumber>]) {
    self.address = address
    self.ports = ports
  }
}

/// An image that lies in the cloud itself.
public struct CloudImage: Hashable, Sendable {
  /// `ami-` and 17 hex digits.
  public let id: String
  public let recipe: String
  /// Of the disk's file, in lower-case hex.
  public let sha256: String
  /// In bytes.
  public let virtualSize: Int64
  /// Where it lies, for people.
  public let place: String
  /// What the cloud calls it, where only that may be gone by: it is another project's.
  public let cloudID: String?

  public init(
    id: String, recipe: String, sha256: String, virtualSize: Int64, place: String, cloudID: String? = nil
  ) {
    self.id = id
    self.recipe = recipe
    self.sha256 = sha256
    self.virtualSize = virtualSize
    self.place = place
    self.cloudID = cloudID
  }
}

// What this machine has no need of: its networks, addresses, images and flavors are cpbuild's own, and what it boots runs.
extension Cloud {
  public var name: String { kind.rawValue }
  public func flavor(named name: String?) async throws -> Flavor? { nil }
  public func image(_ wanted: String?, current: String?) async throws -> CloudImage? { nil }
  public func claimNetwork(_ wish: NetworkWish) async throws -> NetworkClaim? { nil }
  public func releaseNetwork(_ id: NetworkID) async throws {}
  public func claimAddress(
    for id: NetworkID, _ address: IPv4Address?, ports: ClosedRange<PortNumber>
  ) async throws -> AddressClaim? { nil }
  public func releaseAddress(of id: NetworkID) async throws {}
  public func publicPorts(among ports: ClosedRange<PortNumber>) -> ClosedRange<PortNumber>? { nil }
  public func removeKeyPair(_ keyPair: CloudKeyPair) async throws {}
  public func awaitBoot(_ handle: [String: String]) async throws {}
}
