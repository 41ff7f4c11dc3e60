import Foundation
import Host
import Names
import State

/// What one machine is told about itself: EC2's metadata and OpenStack's, without the payload.
struct MetadataTree {
  let network: NetworkPlan
  let machine: NetworkPlan.Reservation
  /// Nil for a machine that isn't the cloudpipe.
  let instance: InstanceMetadata?
  let publicAddress: IPv4Address?

  /// What a path stands for.
  enum Answer: Equatable {
    case text(String)
    case json(Data)
    case payload
    case revocations
    case missing
  }

  func answer(_ path: String) -> Answer {
    var words = path.split(separator: "/").map(String.init)
    if words == ["cloudpipe", "crl.pem"] { return instance == nil ? .missing : .revocations }
    guard !words.isEmpty else { return .text("2009-04-04\nlatest\n") }
    let first = words.removeFirst()
    switch first {
    case "latest", "2009-04-04": return ec2(words)
    case "openstack": return openStack(words)
    default: return .missing
    }
  }

  // MARK: - EC2

  private func ec2(_ words: [String]) -> Answer {
    switch words.first {
    case nil: return .text("meta-data/\n\(instance == nil ? "" : "user-data\n")")
    case "user-data" where words.count == 1: return instance == nil ? .missing : .payload
    case "meta-data": return metadata(words.dropFirst().joined(separator: "/"))
    default: return .missing
    }
  }

  private func metadata(_ path: String) -> Answer {
    let values = ec2Values
    if let value = values[path] { return .text(value) }
    // A folder: the names below it, those of folders with a slash.
    let prefix = path.isEmpty ? "" : path + "/"
    var names: Set<String> = []
    for key in values.keys where key.hasPrefix(prefix) {
      let rest = key.dropFirst(prefix.count)
      let name = rest.prefix { $0 != "/" }
      names.insert(name.count == rest.count ? String(name) : name + "/")
    }
    if path == "public-keys", let instance { names = ["0=\(instance.keyPair)"] }
    return names.isEmpty ? .missing : .text(names.sorted().joined(separator: "\n"))
  }

  private var ec2Values: [String: String] {
    var values = [
      "ami-launch-index": "0", "hostname": fullName, "instance-id": "i-\(uuid.prefix(8))", "local-hostname": fullName,
      "local-ipv4": machine.address.text, "mac": machine.mac.text, "placement/availability-zone": "local",
      "reservation-id": "r-\(uuid.suffix(8))",
    ]
    if let publicAddress { values["public-ipv4"] = publicAddress.text }
    if let instance {
      values["ami-id"] = instance.image
      values["instance-type"] = instance.flavor
      values["security-groups"] = instance.group
      values["public-keys/0/openssh-key"] = instance.publicKey
    }
    return values
  }

  // MARK: - OpenStack

  private func openStack(_ words: [String]) -> Answer {
    guard let version = words.first else { return .text("2018-08-27\nlatest\n") }
    guard ["latest", "2018-08-27"].contains(version) else { return .missing }
    switch words.dropFirst().joined(separator: "/") {
    case "":
      let payload = instance == nil ? "" : "user_data\n"
      return .text("meta_data.json\nnetwork_data.json\n\(payload)vendor_data.json\nvendor_data2.json\n")
    case "meta_data.json": return json(metaData)
    case "network_data.json": return json(networkData)
    case "vendor_data.json", "vendor_data2.json": return .json(Data("{}".utf8))
    case "user_data": return instance == nil ? .missing : .payload
    default: return .missing
    }
  }

  private struct MetaData: Encodable {
    struct Key: Encodable { let name, type, data: String }
    let uuid, name, hostname, availabilityZone, projectId: String
    let launchIndex = 0
    let publicKeys: [String: String]
    let keys: [Key]
  }

  private var metaData: MetaData {
    MetaData(
      uuid: uuid, name: machine.name, hostname: fullName, availabilityZone: "local",
      projectId: network.id.project.text,
      publicKeys: instance.map { [$0.keyPair: $0.publicKey] } ?? [:],
      keys: instance.map { [.init(name: $0.keyPair, type: "ssh", data: $0.publicKey)] } ?? [])
  }

  private struct NetworkData: Encodable {
    struct Link: Encodable {
      let id, type, ethernetMacAddress: String
      let mtu = 1500
    }
    struct Network: Encodable { let id, link, type, networkId: String }
    struct Service: Encodable { let type, address: String }
    let links: [Link]
    let networks: [Network]
    let services: [Service]
  }

  private var networkData: NetworkData {
    NetworkData(
      links: [.init(id: "link0", type: "bridge", ethernetMacAddress: machine.mac.text)],
      networks: [.init(id: "network0", link: "link0", type: "ipv4_dhcp", networkId: network.id.description)],
      services: [.init(type: "dns", address: network.gateway.text)])
  }

  private func json(_ value: some Encodable) -> Answer {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map(Answer.json) ?? .missing
  }

  // MARK: - names

  private var fullName: String { "\(NetworkDNS.label(machine.name)).\(NetworkDNS.domain(of: network))" }

  /// The same for a machine's whole life: its network and MAC address make it. In the form of RFC 9562.
  private var uuid: String {
    let digits = Digest.sha256("\(network.id) \(machine.mac)").hex
    let lengths = [8, 4, 4, 4, 12]
    var rest = digits[...]
    return lengths.map { length in
      defer { rest = rest.dropFirst(length) }
      return String(rest.prefix(length))
    }.joined(separator: "-")
  }
}
