/// What Neutron knows of a network, as far as it is of interest here.
public struct CloudNetwork: Decodable, Sendable {
  public let id: String
  public let name: String
  public let projectId: String?
  public let subnets: [String]
  public let portSecurityEnabled: Bool?
  /// Shared ones belong to somebody else.
  public let shared: Bool?

  public let isExternal: Bool?

  private enum CodingKeys: String, CodingKey {
    case id, name, projectId, subnets, portSecurityEnabled, shared
    case isExternal = "router:external"
  }
}

public struct SubnetRecord: Decodable, Sendable {
  public struct Pool: Decodable, Sendable {
    public let start: String
    public let end: String
  }
  public let id: String
  public let name: String
  public let networkId: String
  public let ipVersion: Int
  public let cidr: String
  public let gatewayIp: String?
  public let allocationPools: [Pool]?
}

public struct FixedAddress: Codable, Hashable, Sendable {
  public var subnetId: String?
  public var ipAddress: String?

  public init(subnetId: String?, ipAddress: String?) {
    self.subnetId = subnetId
    self.ipAddress = ipAddress
  }
}

public struct PortRecord: Decodable, Sendable {
  public let id: String
  public let name: String
  public let description: String?
  public let networkId: String
  public let status: String
  public let macAddress: String
  public let fixedIps: [FixedAddress]
  public let deviceId: String?
  public let deviceOwner: String?
  public let portSecurityEnabled: Bool?
  public let securityGroups: [String]?
  public let tags: [String]?
}

public struct PortRequest: Encodable, Sendable {
  public var networkId: String?
  public var name: String?
  public var description: String?
  public var fixedIps: [FixedAddress]?
  public var securityGroups: [String]?
  public var portSecurityEnabled: Bool?

  public init() {}
}

public struct SecurityGroupRecord: Decodable, Sendable {
  public struct Rule: Decodable, Sendable {
    public let id: String
    public let direction: String
    public let ethertype: String?
    public let `protocol`: String?
    public let portRangeMin: Int?
    public let portRangeMax: Int?
    public let remoteIpPrefix: String?
    public let remoteGroupId: String?
  }
  public let id: String
  public let name: String
  public let description: String?
  public let securityGroupRules: [Rule]
  public let tags: [String]?
}

public struct NamedRequest: Encodable, Sendable {
  public let name: String
  public let description: String

  public init(name: String, description: String) {
    self.name = name
    self.description = description
  }
}

public struct SecurityGroupRuleRequest: Encodable, Sendable {
  public let securityGroupId: String
  public let direction: String
  public let ethertype: String
  public let `protocol`: String
  public let portRangeMin: Int?
  public let portRangeMax: Int?
  public let remoteIpPrefix: String

  public init(group: String, protocol: String, ports: ClosedRange<Int>?, source: String) {
    securityGroupId = group
    direction = "ingress"
    ethertype = "IPv4"
    self.protocol = `protocol`
    portRangeMin = ports?.lowerBound
    portRangeMax = ports?.upperBound
    remoteIpPrefix = source
  }
}

public struct FloatingAddressRecord: Decodable, Sendable {
  public let id: String
  public let description: String?
  public let floatingIpAddress: String
  public let floatingNetworkId: String
  public let portId: String?
  public let status: String?
  public let tags: [String]?
}

public struct FloatingAddressRequest: Encodable, Sendable {
  public let floatingNetworkId: String
  public let description: String
  public let floatingIpAddress: String?

  public init(network: String, description: String, address: String?) {
    floatingNetworkId = network
    self.description = description
    floatingIpAddress = address
  }
}

public struct PortForwardingRecord: Decodable, Sendable {
  public let id: String
  public let externalPort: Int?
  public let internalPort: Int?
  public let internalPortId: String
  public let `protocol`: String
  public let description: String?
}

public struct PortForwardingRequest: Encodable, Sendable {
  public let externalPort: Int
  public let internalPort: Int
  public let internalIpAddress: String
  public let internalPortId: String
  public let `protocol` = "udp"
  public let description: String

  public init(externalPort: Int, address: String, port: String, description: String) {
    self.externalPort = externalPort
    internalPort = 1194
    internalIpAddress = address
    internalPortId = port
    self.description = description
  }
}
