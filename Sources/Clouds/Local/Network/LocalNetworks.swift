import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage

/// The networks of the local cloud: made, mended, published and removed. Each does its work once, however often it is
/// asked.
struct LocalNetworks: Sendable {
  let home: Home
  /// This program, which is also the metadata service.
  let executable: FilePath

  // MARK: - a network

  func make(_ plan: NetworkPlan) async throws {
    try await changing(plan.id, creating: true) { space, known in
      var record = try known ?? NetworkRecord(plan: plan, transit: HostRoutes.current().freeTransit())
      try await take(plan, into: &record, in: space)
    }
  }

  /// The same for a network that was made, with one of its machines plugged in for certain.
  func attach(_ machine: NetworkPlan.Reservation, to plan: NetworkPlan) async throws {
    try await changing(plan.id) { space, known in
      var record = try known ?? { throw LocalCloudError.noNetwork(plan.id) }()
      try await take(plan, into: &record, in: space)
      try await MachinePorts(space: space, plan: plan).make(machine)
    }
  }

  private func take(_ plan: NetworkPlan, into record: inout NetworkRecord, in space: NetworkSpace) async throws {
    // Before anything is written, so that a kill leaves a port that is missing rather than a wrong one.
    let ports = MachinePorts(space: space, plan: record.plan)
    for machine in ports.machines where !plan.reservations.contains(machine) { try await ports.remove(machine) }
    record.plan = plan
    try await converge(space, &record)
  }

  /// Makes again what is missing of a network that was made.
  func mend(_ id: NetworkID) async throws {
    try await changing(id) { space, known in
      var record = try known ?? { throw LocalCloudError.noNetwork(id) }()
      try await converge(space, &record)
    }
  }

  /// Makes all of the network as its record has it, or what is missing of it.
  func converge(_ space: NetworkSpace, _ record: inout NetworkRecord) async throws {
    try await makeSpace(space)
    try await connect(space, &record)
    try await SpaceInterfaces(space: space, record: record).converge()
    try await load(SpaceRules(record: record), in: space)
    // A port is only there once the rules are.
    try await MachinePorts(space: space, plan: record.plan).converge()
    try await NetworkDNS(space: space, plan: record.plan).converge()
    try await MetadataHelper(space: space, executable: executable).converge()
  }

  /// Nothing of the network is left afterwards, even where only half of it was made.
  func remove(_ id: NetworkID) async throws {
    try Self.requireRoot()
    let space = NetworkSpace(home: home, id: id)
    guard exists(space) else { return }
    try await changing(id, creating: true) { space, _ in
      try await NetworkDNS.process(in: space).stop()
      try await MetadataHelper.process(in: space).stop()
      let lock = try await HostTable.lock()
      defer { withExtendedLifetime(lock) {} }
      try await removeInterfaces(of: space)
      try Folder.remove(NetworkRecord.path(in: space.folder))
      try await HostTable(home: home).converge()
      try Folder.remove(space.folder)
    }
    removeIfEmpty(space.folder.removingLastComponent())
    removeIfEmpty(NetworkSpace.networks(of: home))
  }

  // MARK: - its public side

  func publish(_ forward: PublicForward) async throws {
    try await changing(forward.network) { space, known in
      var record = try known ?? { throw LocalCloudError.noNetwork(forward.network) }()
      let isNew = (record.forward?.address, record.forward?.port) != (forward.address, forward.port)
      record.forward = forward
      try await apply(record, in: space, isNew: isNew)
    }
  }

  /// Who has UDP ports of an address beside this home's cloudpipes, in words.
  func holders(of address: IPv4Address) async throws -> [PortNumber: String] {
    try Self.requireRoot()
    let lock = try await HostTable.lock()
    defer { withExtendedLifetime(lock) {} }
    let program = "a program of this machine, which 'ss -lunp' names"
    let programs = Dictionary(uniqueKeysWithValues: try HostPorts.heard(at: address).map { ($0, program) })
    return programs.merging(
      try await HostTable(home: home).forwardedByOthers(from: address).mapValues {
        "a cloudpipe of another home, which the firewall table inet \($0) forwards it to"
      }
    ) { $1 }
  }

  func unpublish(_ id: NetworkID) async throws {
    guard NetworkRecord.read(from: NetworkSpace(home: home, id: id).folder) != nil else { return }
    try await changing(id) { space, known in
      guard var record = known, record.forward != nil else { return }
      record.forward = nil
      try await apply(record, in: space)
    }
  }

  /// Lets in what the instance's group lets in, and has the metadata service tell the instance about itself. Goes before
  /// its boot, and opens the window in which it gets its payload.
  func expect(_ instance: InstancePlan) async throws {
    try await changing(instance.network) { space, known in
      var record = try known ?? { throw LocalCloudError.noNetwork(instance.network) }()
      record.group = instance.securityGroup
      try record.write(to: space.folder)
      try await load(SpaceRules(record: record), in: space)
      try InstanceMetadata(instance).write(payload: instance.payload, to: space.folder)
    }
  }

  /// Lets nothing in, and forgets the payload.
  func forget(_ id: NetworkID) async throws {
    guard NetworkRecord.read(from: NetworkSpace(home: home, id: id).folder) != nil else { return }
    try await changing(id) { space, known in
      try InstanceMetadata.remove(from: space.folder)
      guard var record = known, record.group != nil else { return }
      record.group = nil
      try record.write(to: space.folder)
      try await load(SpaceRules(record: record), in: space)
    }
  }

  /// - Parameter isNew: it is forwarded from elsewhere than before, which another home may have taken meanwhile.
  private func apply(_ record: NetworkRecord, in space: NetworkSpace, isNew: Bool = false) async throws {
    let lock = try await HostTable.lock()
    defer { withExtendedLifetime(lock) {} }
    if isNew, let forward = record.forward,
      let table = try await HostTable(home: home).forwardedByOthers(from: forward.address)[forward.port]
    {
      throw LocalCloudError.portForwarded(forward.address, forward.port, table: table)
    }
    try record.write(to: space.folder)
    try await load(SpaceRules(record: record), in: space)
    try await HostTable(home: home).converge()
  }

  // MARK: - how it is

  /// What doesn't work of what serves the network, in words for people; nil when there is no such network here.
  func faults(of id: NetworkID) async -> [String]? {
    let space = NetworkSpace(home: home, id: id)
    guard let record = NetworkRecord.read(from: space.folder) else { return nil }
    guard NetworkNamespace(path: space.namespacePath).inode != nil else {
      return ["the network's namespace \(space.namespace) is gone: 'cpbuild restart' makes it again"]
    }
    var faults: [String] = []
    for process in [NetworkDNS.process(in: space), MetadataHelper.process(in: space)] where !process.serves(space) {
      faults.append("\(process.name) ended: 'cpbuild restart' starts it again")
    }
    faults += await SpaceInterfaces(space: space, record: record).faults()
    faults += await SpaceRules.faults(in: space)
    if KernelSetting.value(of: "net/ipv4/conf/\(space.hostPort)/forwarding") != "1" {
      faults.append("the way between \(space.hostPort) and the network is gone: 'cpbuild restart' makes it again")
    }
    faults += await MachinePorts(space: space, plan: record.plan).faults()
    return faults + (await HostTable(home: home).faults(of: record))
  }

  // MARK: - parts

  /// Runs `body` while no other command changes the network.
  func changing(
    _ id: NetworkID, creating: Bool = false, _ body: (NetworkSpace, NetworkRecord?) async throws -> Void
  ) async throws {
    try Self.requireRoot()
    let space = NetworkSpace(home: home, id: id)
    while true {
      if creating {
        try Folder.make(space.folder, mode: 0o700)
      } else if NetworkRecord.read(from: space.folder) == nil {
        throw LocalCloudError.noNetwork(id)
      }
      let lock = try await FileLock.wait(for: space.folder.appending("lock"))
      defer { withExtendedLifetime(lock) {} }
      guard lock.isCurrent else { continue }
      return try await body(space, NetworkRecord.read(from: space.folder))
    }
  }

  static func requireRoot() throws {
    guard geteuid() == 0 else { throw LocalCloudError.notRoot }
  }

  private func exists(_ space: NetworkSpace) -> Bool {
    [space.folder, space.namespacePath].contains { access($0.string, F_OK) == 0 }
      || if_nametoindex(space.hostPort) != 0
  }

  private func makeSpace(_ space: NetworkSpace) async throws {
    if NetworkNamespace(path: space.namespacePath).inode != nil { return }
    // An empty file that a restart of the machine left.
    try? Folder.remove(space.namespacePath)
    try await Command("ip", ["netns", "add", space.namespace]).run()
  }

  /// The way between host and namespace. Its addresses are taken while nobody else takes any: from when the interface
  /// has them, the routes say so.
  private func connect(_ space: NetworkSpace, _ record: inout NetworkRecord) async throws {
    let lock = try await HostTable.lock()
    defer { withExtendedLifetime(lock) {} }
    // An interface of a namespace that was deleted is there for a moment longer.
    let isWhole = try await NetworkNamespace(path: space.namespacePath).perform {
      if_nametoindex(NetworkSpace.uplink) != 0
    }
    let known =
      isWhole
      && HostInterfaces.current().contains { $0.name == space.hostPort && $0.address == record.hostAddress }
    if !known {
      try await removeHostPort(of: space)
      record.transit = try HostRoutes.current().freeTransit()
    }
    try record.write(to: space.folder)
    if !known {
      let file = space.folder.appending("ip.batch")
      try AtomicFile.write(
        """
        link add \(space.hostPort) type veth peer name \(NetworkSpace.uplink) netns \(space.namespace)
        address add \(record.hostAddress)/31 dev \(space.hostPort)
        link set \(space.hostPort) up

        """, to: file, mode: 0o600)
      try await Command("ip", ["-batch", file.string]).run()
      try Folder.remove(file)
    }
    for (setting, value) in [("ipv4", "forwarding=1"), ("ipv4", "route_localnet=1"), ("ipv6", "disable_ipv6=1")] {
      let parts = value.split(separator: "=")
      let name = "net/\(setting)/conf/\(space.hostPort)/\(parts[0])"
      if KernelSetting.value(of: name) != nil { try KernelSetting.set(name, to: String(parts[1])) }
    }
    try await HostTable(home: home).converge()
  }

  private func load(_ rules: SpaceRules, in space: NetworkSpace) async throws {
    let file = space.folder.appending("firewall.nft")
    try AtomicFile.write(rules.text, to: file, mode: 0o600)
    try await Command("nsenter", Array(space.entering.dropFirst()) + ["nft", "-f", file.string]).run()
  }

  /// One that goes by itself meanwhile is fine.
  private func removeHostPort(of space: NetworkSpace) async throws {
    guard if_nametoindex(space.hostPort) != 0 else { return }
    do {
      try await Command("ip", ["link", "delete", space.hostPort]).run()
    } catch is HostError where if_nametoindex(space.hostPort) == 0 {}
  }

  private func removeInterfaces(of space: NetworkSpace) async throws {
    try await removeHostPort(of: space)
    if NetworkNamespace(path: space.namespacePath).inode != nil {
      try await Command("ip", ["netns", "delete", space.namespace]).run()
    } else {
      try Folder.remove(space.namespacePath)
    }
  }

  private func removeIfEmpty(_ folder: FilePath) { rmdir(folder.string) }
}
