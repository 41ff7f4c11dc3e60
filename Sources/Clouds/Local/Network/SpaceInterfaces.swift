import Foundation
import Glibc
import Host
import Names
import SystemPackage

/// The interfaces inside of a network's namespace: the bridge with the gateway's addresses, the cloudpipe's port, the
/// way out.
struct SpaceInterfaces {
  let space: NetworkSpace
  let record: NetworkRecord

  func converge() async throws {
    let there = try await NetworkNamespace(path: space.namespacePath).perform {
      for (name, value) in Self.settings where KernelSetting.value(of: name).map({ $0 != value }) == true {
        try KernelSetting.set(name, to: value)
      }
      let names: [String] = [NetworkSpace.bridge, NetworkSpace.instancePort]
      return Set(names.filter { if_nametoindex($0) != 0 })
    }
    let file = space.folder.appending("ip.batch")
    try AtomicFile.write(batch(there: there), to: file, mode: 0o600)
    try await Command("ip", ["-n", space.namespace, "-batch", file.string]).run()
    try Folder.remove(file)
  }

  /// What isn't there, in words for people.
  func faults() async -> [String] {
    let names = try? await NetworkNamespace(path: space.namespacePath).perform {
      Set(NetworkInterface.all().map(\.name))
    }
    return [
      (NetworkSpace.bridge, "bridge"), (NetworkSpace.instancePort, "cloudpipe's port"),
      (NetworkSpace.uplink, "way out"),
    ].filter { names?.contains($0.0) != true }.map {
      "the network's \($0.1), the interface \($0.0), is gone: 'cpbuild restart' makes it again"
    }
  }

  func batch(there: Set<String>) -> String {
    let (bridge, port, uplink) = (NetworkSpace.bridge, NetworkSpace.instancePort, NetworkSpace.uplink)
    var lines = ["link set lo up"]
    if !there.contains(bridge) { lines.append("link add \(bridge) address \(record.gatewayMAC) type bridge") }
    if !there.contains(port) { lines.append("tuntap add \(port) mode tap") }
    lines += [
      "address replace \(record.plan.gateway)/\(record.plan.cidr.prefixLength) dev \(bridge)",
      "address replace 169.254.169.254/32 dev \(bridge)",
      "link set \(port) master \(bridge)",
      "link set \(port) up",
      "link set \(bridge) up",
      "address replace \(record.spaceAddress)/31 dev \(uplink)",
      "link set \(uplink) up",
      "route replace default via \(record.hostAddress) dev \(uplink)",
    ]
    if let cidr6 = record.plan.cidr6, let gateway = cidr6.address(at: 1) {
      lines.append("address replace \(gateway)/\(cidr6.prefixLength) dev \(bridge) nodad")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Bridged frames are filtered as frames; the firewall for packets has no business with them.
  private static let settings = [
    ("net/ipv4/ip_forward", "1"),
    ("net/bridge/bridge-nf-call-iptables", "0"),
    ("net/bridge/bridge-nf-call-ip6tables", "0"),
    ("net/bridge/bridge-nf-call-arptables", "0"),
    ("net/ipv6/conf/uplink/disable_ipv6", "1"),
  ]
}
