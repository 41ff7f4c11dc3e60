import Clouds
import Foundation
import Glibc
import Names
import State
import SystemPackage

/// `CloudWorker HOME PROJECT VERB [ARGUMENT...]`: one call of the local cloud, in whatever namespace this is started in.
/// `CloudWorker metadata-service --folder FOLDER`: the metadata service, as cpbuild itself has it.
@main
struct CloudWorker {
  static func main() async {
    do {
      try await run(Array(CommandLine.arguments.dropFirst()))
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(1)
    }
  }

  private static func run(_ words: [String]) async throws {
    if words.count == 3, words[0] == "metadata-service" {
      return try await MetadataService(folder: FilePath(words[2])).run()
    }
    guard words.count >= 3 else { throw Usage() }
    let home = Home(FilePath(words[0]))
    let cloud = LocalCloud(home: home, executable: FilePath(CommandLine.arguments[0]))
    let id = NetworkID(project: try ProjectID(words[1]), name: .standard)
    let rest = Array(words.dropFirst(3))
    switch (words[2], rest.count) {
    case ("make", 1...): try await cloud.makeNetwork(try plan(id, rest))
    case ("attach", 2...):
      let plan = try plan(id, rest)
      guard let machine = plan.reservations.last else { throw Usage() }
      try await cloud.attach(machine, to: plan)
    case ("remove", 0): try await cloud.removeNetwork(id)
    case ("publish", 3):
      try await cloud.publish(
        PublicForward(
          network: id, address: try IPv4Address(rest[0]), port: try PortNumber(rest[1]),
          instance: try IPv4Address(rest[2])))
    case ("holders", 1):
      for (port, holder) in try await cloud.holders(of: try IPv4Address(rest[0])).sorted(by: { $0.key < $1.key }) {
        print("\(port) \(holder)")
      }
    case ("unpublish", 0): try await cloud.unpublish(id)
    case ("expect", 1): try await cloud.expect(try instance(id, payload: FilePath(rest[0]), home: home))
    case ("forget", 0): try await cloud.forget(id)
    case ("faults", 0): print((await cloud.networkFaults(of: id) ?? ["absent"]).joined(separator: "\n"))
    case ("orphans", _):
      // The projects that are named have a cloudpipe; the one that isn't booted here is no news.
      let known = try rest.map { NetworkID(project: try ProjectID($0), name: .standard) }
      for orphan in await cloud.orphans(known: Set(known)) where !orphan.name.contains("instance isn't there") {
        print(orphan)
      }
    default: throw Usage()
    }
  }

  /// The cloudpipe of a 10.66.0.0/24, with the original's group; its CRL lies beside the payload.
  private static func instance(_ id: NetworkID, payload: FilePath, home: Home) throws -> InstancePlan {
    let anywhere = try IPv4Network("0.0.0.0/0")
    return InstancePlan(
      network: id, name: "\(id.project)-vpn",
      image: InstanceImage(id: "ami-1", disk: "/nonexistent", sha256: "", kernel: "", initramfs: nil), flavor: .tiny,
      address: try IPv4Address("10.66.0.2"), mac: try MACAddress("fa:16:3e:00:00:02"),
      securityGroup: SecurityGroup(
        name: "\(id.project)-vpn",
        rules: [.init(.udp, ports: 1194...1194, from: anywhere), .init(.icmp, from: anywhere)]),
      keyPair: CloudKeyPair(name: "\(id.project)-vpn", publicKey: "ssh-ed25519 AAAA \(id.project)"),
      payload: try Data(contentsOf: URL(filePath: payload.string)),
      crl: payload.removingLastComponent().appending("crl.pem"))
  }

  /// `CIDR [CIDR6] [NAME=PLACE...]`: a network whose cloudpipe has the MAC address fa:16:3e:00:00:02, and the machines
  /// those that follow. A place is the file of a namespace, or `tap`.
  private static func plan(_ id: NetworkID, _ rest: [String]) throws -> NetworkPlan {
    let cidr = try IPv4Network(rest[0])
    let cidr6 = rest.dropFirst().first { !$0.contains("=") }
    let places = rest.dropFirst().filter { $0.contains("=") }
    guard let gateway = cidr.address(at: 1) else { throw Usage() }
    let machines = ["\(id.project)-vpn"] + places
    let reservations = try machines.enumerated().map { index, words in
      let parts = words.split(separator: "=", maxSplits: 1).map(String.init)
      guard let address = cidr.address(at: index + 2) else { throw Usage() }
      return NetworkPlan.Reservation(
        address: address, mac: try MACAddress("fa:16:3e:00:00:0\(index + 2)"), name: parts[0],
        port: parts.count < 2
          ? nil : parts[1] == "tap" ? .tap(user: 4_242_424) : .namespace(path: parts[1], interface: .first))
    }
    return NetworkPlan(
      id: id, cidr: cidr, cidr6: try cidr6.map { try IPv6Network($0) }, gateway: gateway, reservations: reservations,
      domain: nil, clients: cidr.lastHosts(5))
  }

  private struct Usage: Error {}
}
