public import Foundation
public import Names
public import State
public import SystemPackage

/// The public half of a project's key pair.
public struct CloudKeyPair: Hashable, Sendable {
  /// `<project>-vpn`.
  public let name: String
  /// One line of an OpenSSH `authorized_keys` file.
  public let publicKey: String

  public init(name: String, publicKey: String) {
    self.name = name
    self.publicKey = publicKey
  }

  /// Whether a line of `authorized_keys` has the same key, whatever is said behind it.
  public func hasKey(of line: String) -> Bool {
    publicKey.split(separator: " ").prefix(2) == line.split(separator: " ").prefix(2)
  }
}

/// What may reach the instances of a group; everything else is dropped, and what they send gets its answers.
public struct SecurityGroup: Hashable, Codable, Sendable {
  public struct Rule: Hashable, Codable, Sendable {
    public enum Transport: String, Hashable, Codable, Sendable { case udp, tcp, icmp }
    public let transport: Transport
    /// Nil for icmp.
    public let ports: ClosedRange<Int>?
    /// Where it may come from.
    public let source: IPv4Network

    public init(_ transport: Transport, ports: ClosedRange<Int>? = nil, from source: IPv4Network) {
      self.transport = transport
      self.ports = ports
      self.source = source
    }
  }

  /// `<project>-vpn`, as nova's cloudpipe called it.
  public let name: String
  public let rules: [Rule]

  public init(name: String, rules: [Rule]) {
    self.name = name
    self.rules = rules
  }
}

/// A private network, with what its DHCP hands out.
public struct NetworkPlan: Hashable, Codable, Sendable {
  /// An address that DHCP keeps for one interface.
  public struct Reservation: Hashable, Codable, Sendable {
    public let address: IPv4Address
    public let mac: MACAddress
    /// The name that the network's DNS knows it by.
    public let name: String
    /// Where a machine is plugged in; nil for the cloudpipe, and where that isn't cpbuild's business.
    public let port: MachinePort?

    public init(address: IPv4Address, mac: MACAddress, name: String, port: MachinePort? = nil) {
      self.address = address
      self.mac = mac
      self.name = name
      self.port = port
    }
  }

  public let id: NetworkID
  public let cidr: IPv4Network
  public let cidr6: IPv6Network?
  public let gateway: IPv4Address
  /// The cloudpipe's first.
  public let reservations: [Reservation]
  /// The domain that the network's DNS serves and hands out.
  public let domain: HostName?
  /// The addresses that the cloudpipe hands to its bridged clients, who then speak through its port with them; nil in
  /// routed mode.
  public let clients: ClosedRange<IPv4Address>?

  public init(
    id: NetworkID, cidr: IPv4Network, cidr6: IPv6Network?, gateway: IPv4Address, reservations: [Reservation],
    domain: HostName?, clients: ClosedRange<IPv4Address>? = nil
  ) {
    self.clients = clients
    self.id = id
    self.cidr = cidr
    self.cidr6 = cidr6
    self.gateway = gateway
    self.reservations = reservations
    self.domain = domain
  }
}

extension NetworkPlan {
  /// The plan of a network as the state knows it.
  ///
  /// - Parameters:
  ///   - addresses: all of the network's that are taken.
  ///   - attachments: the machines that are plugged into it; those that are to go are no part of the plan.
  ///   - cloudpipe: the instance's name.
  public init(_ network: Network, addresses: [Address], attachments: [Attachment] = [], cloudpipe: String) {
    let leaving = Set(attachments.filter { $0.state == .detaching }.map(\.address))
    let ports = Dictionary(attachments.map { ($0.address, $0.port) }) { $1 }
    let staying = addresses.filter { !leaving.contains($0.address) }.sorted { $0.position < $1.position }
    let reservations = staying.compactMap { address in
      address.mac.map {
        Reservation(
          address: address.address, mac: $0, name: address.role == .cloudpipe ? cloudpipe : address.holder,
          port: ports[address.address])
      }
    }
    self.init(
      id: network.id, cidr: network.cidr, cidr6: network.cidr6, gateway: network.gateway, reservations: reservations,
      domain: network.dnsDomain, clients: network.mode == .bridged ? network.cidr.lastHosts(network.poolSize) : nil)
  }
}

/// What an instance is given of the machine.
public struct Flavor: Hashable, Codable, Sendable {
  public let name: String
  public let processors: Int
  /// In MiB.
  public let memory: Int
  /// In GiB.
  public let disk: Int

  public init(name: String, processors: Int, memory: Int, disk: Int) {
    self.name = name
    self.processors = processors
    self.memory = memory
    self.disk = disk
  }

  /// Nova's smallest, and the original cloudpipe's.
  public static let tiny = Flavor(name: "m1.tiny", processors: 1, memory: 512, disk: 1)
}

/// The image that an instance starts from.
public struct InstanceImage: Hashable, Sendable {
  /// `ami-` and 17 hex digits.
  public let id: String
  /// The published qcow2, which is never written.
  public let disk: FilePath
  /// Of the disk's file, in lower-case hex.
  public let sha256: String
  /// Where the kernel is in the image, and the initramfs where there is one.
  public let kernel: String
  public let initramfs: String?
  /// What the cloud that it lies in calls it, where only that may be gone by.
  public let cloudID: String?

  public init(
    id: String, disk: FilePath, sha256: String, kernel: String, initramfs: String?, cloudID: String? = nil
  ) {
    self.id = id
    self.cloudID = cloudID
    self.disk = disk
    self.sha256 = sha256
    self.kernel = kernel
    self.initramfs = initramfs
  }
}

/// An instance to boot.
public struct InstancePlan: Sendable {
  public let network: NetworkID
  /// The host name, and the server's name in OpenStack.
  public let name: String
  public let image: InstanceImage
  public let flavor: Flavor
  public let address: IPv4Address
  public let mac: MACAddress
  public let securityGroup: SecurityGroup
  public let keyPair: CloudKeyPair
  /// The payload as the zip archive itself. It holds the server's private key.
  public let payload: Data
  /// The export that holds the project's CRL: what the instance is handed when it asks for a newer one.
  public let crl: FilePath
  /// Whether it goes on from a saved state instead of booting, where the cloud can; it boots where that isn't to be had.
  public let startsWarm: Bool
  /// What the cloud is to keep with the instance where it can, so that a lost state can be had again; never a secret.
  public let memo: String

  public init(
    network: NetworkID, name: String, image: InstanceImage, flavor: Flavor, address: IPv4Address, mac: MACAddress,
    securityGroup: SecurityGroup, keyPair: CloudKeyPair, payload: Data, crl: FilePath, startsWarm: Bool = false,
    memo: String = ""
  ) {
    self.startsWarm = startsWarm
    self.memo = memo
    self.network = network
    self.name = name
    self.image = image
    self.flavor = flavor
    self.address = address
    self.mac = mac
    self.securityGroup = securityGroup
    self.keyPair = keyPair
    self.payload = payload
    self.crl = crl
  }
}

/// A public address and port, and the cloudpipe that answers there.
public struct PublicForward: Hashable, Codable, Sendable {
  public let network: NetworkID
  public let address: IPv4Address
  public let port: PortNumber
  /// The cloudpipe's.
  public let instance: IPv4Address

  public init(network: NetworkID, address: IPv4Address, port: PortNumber, instance: IPv4Address) {
    self.network = network
    self.address = address
    self.port = port
    self.instance = instance
  }
}

/// What a cloud sees of an instance.
public struct InstanceCondition: Hashable, Sendable {
  public enum State: String, Sendable {
    /// There is none.
    case absent
    case running
    /// It was there and ended.
    case stopped
  }

  public var state: State
  /// When it was booted last.
  public var since: Date?
  /// What doesn't work of what serves it, each in words for people: a helper that ended, a table that is gone.
  public var faults: [String]

  public init(state: State, since: Date? = nil, faults: [String] = []) {
    self.state = state
    self.since = since
    self.faults = faults
  }
}

/// How ssh gets to an instance.
public struct WayToInstance: Hashable, Sendable {
  /// Goes before the program and its arguments: how to run a program where the instance can be reached; empty where it
  /// can be from anywhere.
  public let prefix: [String]
  public let address: IPv4Address

  public init(prefix: [String], address: IPv4Address) {
    self.prefix = prefix
    self.address = address
  }
}
