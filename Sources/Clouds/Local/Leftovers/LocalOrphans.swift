import Foundation
import Glibc
import Host
import Names
public import State
import SystemPackage

/// Compares what there is of a home's networks on this machine with what there should be.
struct LocalOrphans: Sendable {
  let home: Home
  let known: Set<NetworkID>

  private var spaces: [NetworkSpace] { known.sorted().map { NetworkSpace(home: home, id: $0) } }

  /// What nobody accounts for.
  func extra() async -> [Orphan] {
    await namespaces() + interfaces() + tables() + processes() + files() + ports()
  }

  private func namespaces() -> [Orphan] {
    let accounted = Set(spaces.map(\.namespace))
    return names(in: NetworkSpace.namespaces, prefix: NetworkSpace.namespacePrefix(of: home))
      .filter { !accounted.contains($0) }.map { Orphan(.namespace, $0) }
  }

  private func interfaces() -> [Orphan] {
    let (prefix, accounted) = (NetworkSpace.hostPortPrefix(of: home), Set(spaces.map(\.hostPort)))
    return NetworkInterface.all().map(\.name).filter { $0.hasPrefix(prefix) && !accounted.contains($0) }.sorted()
      .map { Orphan(.interface, $0) }
  }

  /// One table a home, which is there for as long as there is a network.
  private func tables() async -> [Orphan] {
    let table = NetworkSpace.table(of: home)
    guard known.isEmpty, let found = try? await Firewall.tables(withPrefix: table) else { return [] }
    return found.filter { $0 == table }.map { Orphan(.table, $0) }
  }

  /// A helper is accounted for when its network is, and names it as the one that it started last.
  private func processes() -> [Orphan] {
    let folder = NetworkSpace.networks(of: home)
    let accounted = Set(
      spaces.flatMap { space in Self.helpers(in: space).compactMap(\.recorded) })
    return MarkedProcesses.all().filter { $0.value.starts(with: folder) && !accounted.contains($0.key) }
      .map { Orphan(.process, "\($0.key.pid)") }.sorted { $0.name < $1.name }
  }

  private func files() -> [Orphan] {
    let folder = NetworkSpace.networks(of: home)
    let projects = Set(known.map(\.project.text))
    var orphans: [Orphan] = []
    for project in names(in: folder, prefix: "") {
      let path = folder.appending(project)
      if path == NetworkSpace.hostFolder(of: home) {
        if known.isEmpty { orphans.append(Orphan(.folder, path.string)) }
      } else if !projects.contains(project) {
        orphans.append(Orphan(.folder, path.string))
      } else {
        orphans += networks(in: path)
      }
    }
    return orphans
  }

  private func networks(in project: FilePath) -> [Orphan] {
    let accounted = Dictionary(spaces.map { ($0.folder, $0) }) { $1 }
    return names(in: project, prefix: "").flatMap { name -> [Orphan] in
      let path = project.appending(name)
      guard let space = accounted[path] else { return [Orphan(.folder, path.string)] }
      let helpers = Self.helpers(in: space).flatMap { [$0.record, $0.log] }
      return names(in: path, prefix: "").filter {
        !Self.files.contains($0) && !helpers.contains(path.appending($0))
      }.map {
        Orphan(.file, path.appending($0).string, of: space.id)
      }
    }
  }

  /// Ports of machines that aren't in the network's plan.
  private func ports() async -> [Orphan] {
    var orphans: [Orphan] = []
    for space in spaces {
      guard let record = NetworkRecord.read(from: space.folder) else { continue }
      let ports = MachinePorts(space: space, plan: record.plan)
      let accounted = Set(ports.machines.map(MachinePorts.name))
      for port in ((try? await ports.existing()) ?? []).subtracting(accounted).sorted() {
        orphans.append(Orphan(.interface, port, of: space.id))
      }
    }
    return orphans
  }

  private func names(in folder: FilePath, prefix: String) -> [String] {
    ((try? Folder.names(in: folder)) ?? []).filter { $0.hasPrefix(prefix) }
  }

  private static func helpers(in space: NetworkSpace) -> [BackgroundProcess] {
    [NetworkDNS.process(in: space), MetadataHelper.process(in: space), LocalInstanceParts(space: space).process]
  }

  /// All that a network's folder may hold beside its helpers' records and logs.
  private static let files = Set(
    [
      "network.json", "lock", "instance.lock", "dnsmasq.conf", "leases", "metadata.json", "payload", "firewall.nft",
      "disk.qcow2", "qemu.sock", NetworkSpace.eventsName, NetworkSpace.consoleName, NetworkSpace.consoleName + ".1",
    ])
}

extension LocalCloud {
  /// All of this home's on this machine that doesn't belong to one of these networks, and all that one of them lacks.
  ///
  /// - Parameter known: the networks that have a cloudpipe here, as the state has it.
  public func orphans(known: Set<NetworkID>) async -> [Orphan] {
    var orphans = await LocalOrphans(home: home, known: known).extra()
    for id in known.sorted() { orphans += await missing(of: id).map { Orphan(.missing, $0, of: id) } }
    return orphans
  }

  private func missing(of id: NetworkID) async -> [String] {
    guard let faults = await networkFaults(of: id) else { return ["its network isn't there"] }
    guard let condition = try? await condition(of: id) else { return ["its instance can't be asked"] }
    switch condition.state {
    case .absent: return ["its instance isn't there"] + faults
    case .stopped, .running: return condition.faults
    }
  }
}
