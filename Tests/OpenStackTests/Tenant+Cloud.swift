import Clouds
import Foundation
import Host
import Names
import OpenStack
import State
import SystemPackage
import Testing

extension Tenant {
  static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHuBvcqQpvE1XJ2ywXqDDVLyCkPBvR+PT7E1lJJJbCqS"

  var name: String { "\(id.project)-vpn" }

  func cloud(_ settings: OpenStackSettings = OpenStackSettings()) throws -> OpenStackCloud {
    var settings = settings
    settings.network = settings.network ?? network
    return OpenStackCloud(session: session, settings: settings)
  }

  var group: SecurityGroup {
    get throws {
      let anywhere = try IPv4Network("0.0.0.0/0")
      return SecurityGroup(
        name: name, rules: [.init(.udp, ports: 1194...1194, from: anywhere), .init(.icmp, from: anywhere)])
    }
  }

  func wish(mode: VPNMode? = nil, address: IPv4Address? = nil) -> NetworkWish {
    NetworkWish(
      id: id, instance: name, securityGroup: name, cidr: nil, address: address, mode: mode, clients: 5)
  }

  /// All that comes before the instance.
  func prepare(_ cloud: OpenStackCloud, image: String, flavor: Flavor = .tiny) async throws -> InstancePlan {
    let pair = CloudKeyPair(name: name, publicKey: Self.key)
    let group = try group
    for _ in 0..<2 {
      try await cloud.makeKeyPair(pair)
      try await cloud.makeSecurityGroup(group)
    }
    let claim = try #require(try await cloud.claimNetwork(wish()))
    #expect(try await cloud.claimNetwork(wish())?.address == claim.address)
    return InstancePlan(
      network: id, name: name,
      image: InstanceImage(id: image, disk: "/dev/null", sha256: "", kernel: "", initramfs: nil), flavor: flavor,
      address: claim.address, mac: .random(), securityGroup: group, keyPair: pair,
      payload: Data("a payload of \(id)".utf8), crl: "/dev/null")
  }

  func removeAll(_ cloud: OpenStackCloud) async throws {
    for _ in 0..<2 {
      try await cloud.removeInstance(of: id, knownAs: [:])
      try await cloud.releaseAddress(of: id)
      try await cloud.releaseNetwork(id)
      try await cloud.removeSecurityGroup(named: name)
      try await cloud.removeKeyPair(CloudKeyPair(name: name, publicKey: Self.key))
    }
  }

  /// An image of 1 MiB in Glance, the same for all tests.
  func publishedImage() async throws -> String {
    let id = "ami-0123456789abcdef0"
    let glance = Glance(session: session)
    if try await glance.images(tagged: id).contains(where: { $0.status == "active" }) { return id }
    let file = try Folder.makeTemporary("image").appending("disk")
    try AtomicFile.write(Data(repeating: 7, count: 1 << 20), to: file)
    let made = try await glance.make(
      ImageRequest(
        id: UUID().uuidString.lowercased(), name: id, minDisk: 1, minRam: 512, tags: ["cpbuild", id],
        properties: ["cpbuild_image": id, "cpbuild_sha256": String(repeating: "0", count: 64)]))
    try await glance.upload(file, size: 1 << 20, to: made.id) { _ in }
    try Folder.remove(file.removingLastComponent())
    return id
  }
}

extension Tenant {
  /// The ports in the tenant's network that aren't the router's.
  func ports() async throws -> [PortRecord] {
    let all: [PortRecord] = try await neutron.all(.ports, [("network_id", network)], doing: "look")
    return all.filter { $0.deviceOwner != "network:router_interface" }
  }

  /// What an instance is handed as its user data.
  func userData(of server: String) async throws -> String {
    let cloud = try RealCloud.get()
    let script = FilePath(#filePath).removingLastComponent().appending("Fixture").appending("user_data.py")
    return try await Command(
      "/usr/bin/python3",
      [script.string, cloud.metadata, cloud.metadataSecret, server, try await session.standing.project]
    ).run()
  }
}
