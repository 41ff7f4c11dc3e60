public import Clouds
public import Names
public import State

/// What an operator asks for; what is nil or empty is chosen, or stays as it is where the network is there already.
public struct LaunchRequest: Hashable, Sendable {
  public let id: NetworkID
  public var cidr: IPv4Network?
  public var cidr6: IPv6Network?
  public var mode: VPNMode?
  /// The cloudpipe's own, in a network that is there already; else the second.
  public var address: IPv4Address?
  /// An image's id.
  public var image: String?
  /// A flavor's name.
  public var flavor: String?
  /// How many clients may be connected at once.
  public var clients: Int?
  /// What clients reach through the VPN beside the network itself.
  public var routes: [IPv4Network] = []
  /// Name servers that clients are told of.
  public var dns: [IPv4Address] = []
  public var dnsDomain: HostName?
  public var publicAddress: IPv4Address?
  public var port: PortNumber?
  /// Whether the instance goes on from a saved state, where the cloud has one or can make it, instead of booting.
  public var startsWarm = false

  public init(_ id: NetworkID) { self.id = id }
}

/// What is chosen where an operator says nothing.
public struct LaunchDefaults: Hashable, Sendable {
  /// Where networks come from, and how long their prefix is.
  public var range: IPv4Network
  public var prefixLength: Int
  /// Where the tunnels' own networks come from in routed mode.
  public var tunnelRange: IPv4Network
  public var ports: ClosedRange<PortNumber>
  /// Nil: the address that this machine is found to have.
  public var publicAddress: IPv4Address?
  public var clients: Int
  /// By name.
  public var flavors: [String: Flavor]

  public init(
    range: IPv4Network, prefixLength: Int, tunnelRange: IPv4Network, ports: ClosedRange<PortNumber>,
    publicAddress: IPv4Address?, clients: Int, flavors: [String: Flavor]
  ) {
    self.range = range
    self.prefixLength = prefixLength
    self.tunnelRange = tunnelRange
    self.ports = ports
    self.publicAddress = publicAddress
    self.clients = clients
    self.flavors = flavors
  }
}
