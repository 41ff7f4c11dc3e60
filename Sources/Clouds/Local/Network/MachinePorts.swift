import Foundation
import Host
import Names
import State
import SystemPackage

/// The ports of a network's bridge that machines are plugged into: one end of a veth pair whose other end is in the
/// machine's namespace, or a tap device.
struct MachinePorts {
  let space: NetworkSpace
  let plan: NetworkPlan

  static func name(of machine: NetworkPlan.Reservation) -> String { NetworkSpace.port(of: machine.mac) }

  var machines: [NetworkPlan.Reservation] { plan.reservations.filter { $0.port != nil } }

  /// Makes the ports that are missing where that can be done, and removes those of machines that aren't in the plan. What
  /// can't be done is told by ``faults()``.
  func converge() async throws {
    let known = Set(machines.map(Self.name))
    for port in try await existing() where !known.contains(port) { try await remove(port) }
    for machine in machines where await fault(of: machine) != nil {
      do { try await make(machine) } catch is LocalCloudError {} catch is HostError {}
    }
  }

  /// Plugs the machine in, and gives its interface what it needs.
  ///
  /// - Throws: ``LocalCloudError``, `HostError`, `CancellationError`.
  func make(_ machine: NetworkPlan.Reservation) async throws {
    guard let port = machine.port else { return }
    switch port {
    case .tap(let user): try await makeTap(machine, user: user)
    case .namespace, .process:
      let place = try place(of: machine, port)
      try await makePair(machine, place)
      try await configure(machine, place)
    }
  }

  func remove(_ machine: NetworkPlan.Reservation) async throws {
    if try await existing().contains(Self.name(of: machine)) { try await remove(Self.name(of: machine)) }
  }

  private func remove(_ port: String) async throws {
    try await Command("ip", ["-n", space.namespace, "link", "delete", port]).run()
  }

  // MARK: - how they are

  /// In words for people.
  func faults() async -> [String] {
    var faults: [String] = []
    for machine in machines {
      if let fault = await fault(of: machine) { faults.append("\(machine.name) isn't plugged in: \(fault)") }
    }
    return faults
  }

  private func fault(of machine: NetworkPlan.Reservation) async -> String? {
    guard let port = machine.port else { return nil }
    do {
      let isThere = try await existing().contains(Self.name(of: machine))
      if case .tap = port { return isThere ? nil : "its tap device is gone: 'cpbuild restart' makes it again" }
      let place = try place(of: machine, port)
      if isThere,
        try await place.namespace.perform({ NetworkInterface.hardwareAddress(of: place.interface) }) == machine.mac
      {
        return nil
      }
      return "its interface is gone: 'cpbuild restart' or 'cpbuild attach' makes it again"
    } catch LocalCloudError.noPlace(_, let why) {
      return "\(why): 'cpbuild attach' plugs it in elsewhere, 'cpbuild detach' forgets it"
    } catch {
      return "\(error)"
    }
  }

  /// The ports that there are.
  func existing() async throws -> Set<String> {
    guard NetworkNamespace(path: space.namespacePath).inode != nil else { return [] }
    return try await NetworkNamespace(path: space.namespacePath).perform {
      Set(NetworkInterface.all().map(\.name).filter { $0.hasPrefix(NetworkSpace.machinePrefix) && $0.utf8.count == 13 })
    }
  }

  // MARK: - parts

  /// Where a machine's interface is.
  private struct Place: Sendable {
    let namespace: NetworkNamespace
    let interface: String
  }

  /// - Throws: ``LocalCloudError``.
  private func place(of machine: NetworkPlan.Reservation, _ port: MachinePort) throws -> Place {
    guard let path = port.namespacePath, let interface = port.interface else {
      throw LocalCloudError.noPlace(machine: machine.name, why: "it has no namespace")
    }
    if case .process(let process, _) = port, !process.isAlive {
      throw LocalCloudError.noPlace(machine: machine.name, why: "its process \(process.pid) ended")
    }
    let namespace = NetworkNamespace(path: path)
    guard let inode = namespace.inode else {
      throw LocalCloudError.noPlace(machine: machine.name, why: "\(path) isn't a network namespace")
    }
    let others = ["/proc/self/ns/net", "/proc/1/ns/net", space.namespacePath]
    if others.contains(where: { NetworkNamespace(path: $0).inode == inode }) {
      throw LocalCloudError.notAMachine(machine: machine.name, path: path.string)
    }
    return Place(namespace: namespace, interface: interface.text)
  }

  private func makeTap(_ machine: NetworkPlan.Reservation, user: UInt32?) async throws {
    let port = Self.name(of: machine)
    let owner = user.map { " user \($0)" } ?? ""
    let isThere = try await existing().contains(port)
    try await run(
      (isThere ? [] : ["tuntap add \(port) mode tap\(owner)"]) + [
        "link set \(port) master \(NetworkSpace.bridge)", "link set \(port) up",
      ], in: space.namespacePath)
  }

  private func makePair(_ machine: NetworkPlan.Reservation, _ place: Place) async throws {
    let port = Self.name(of: machine)
    let isThere = try await existing().contains(port)
    let found = try await place.namespace.perform { NetworkInterface.hardwareAddress(of: place.interface) }
    var lines: [String] = []
    if !isThere || found != machine.mac {
      guard found == nil || found == machine.mac else {
        throw LocalCloudError.interfaceTaken(
          machine: machine.name, interface: place.interface, path: place.namespace.path.string)
      }
      // Half a pair, or one whose other half is elsewhere; the half of one whose network was deleted goes in a moment.
      if isThere { lines.append("link delete \(port)") }
      if found != nil { try? await run(["link delete \(place.interface)"], in: place.namespace.path) }
      lines.append(
        "link add \(port) type veth peer name \(place.interface) address \(machine.mac) netns \(place.namespace.path)")
    }
    try await run(
      lines + ["link set \(port) master \(NetworkSpace.bridge)", "link set \(port) up"], in: space.namespacePath)
  }

  /// The machine needs no DHCP client. A default route that it has stays.
  private func configure(_ machine: NetworkPlan.Reservation, _ place: Place) async throws {
    let interface = place.interface
    let hasDefault = try await place.namespace.perform { try HostRoutes.current().hasDefault }
    try await run(
      [
        "link set lo up", "link set \(interface) up",
        "address replace \(machine.address)/\(plan.cidr.prefixLength) dev \(interface)",
        "route replace 169.254.169.254/32 via \(plan.gateway) dev \(interface)",
      ] + (hasDefault ? [] : ["route add default via \(plan.gateway) dev \(interface)"]), in: place.namespace.path)
  }

  /// Runs lines of ip(8) in a namespace.
  private func run(_ lines: [String], in namespace: FilePath) async throws {
    let file = space.folder.appending("port.batch")
    try AtomicFile.write(lines.map { $0 + "\n" }.joined(), to: file, mode: 0o600)
    defer { try? Folder.remove(file) }
    try await Command("nsenter", ["--net=\(namespace)", "--", "ip", "-batch", file.string]).run()
  }
}
