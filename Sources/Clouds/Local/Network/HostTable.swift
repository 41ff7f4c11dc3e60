import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage

/// What the host's own network stack has of cpbuild: a table of its own for each home, and the forwarding of the
/// interfaces that lead out.
///
/// Which interfaces' forwarding was switched on stands in that table too, where another home finds it.
struct HostTable {
  let home: Home

  private var name: String { NetworkSpace.table(of: home) }

  /// Held while anything that the whole machine shares is looked at and changed: interfaces, routes, tables.
  static func lock() async throws -> FileLock { try await FileLock.wait(for: "/run/cpbuild.lock") }

  /// Writes the table anew after the networks that there are, and opens what they need. Needs the lock.
  func converge() async throws {
    let members = Self.members(of: home)
    guard !members.isEmpty else { return try await remove() }
    let outward = Self.outward
    let closed = outward.filter { KernelSetting.value(of: Self.forwarding($0)) == "0" }
    let others = try await openedByOthers(outward)
    let opened = closed.union(others).union(OpenedInterfaces.read(of: home))
    try Folder.make(NetworkSpace.hostFolder(of: home), mode: 0o700)
    // Whoever undoes it must find it noted, so it is noted first.
    try OpenedInterfaces.write(opened, of: home)
    let elements = opened.isEmpty ? "" : "add element inet \(name) opened { \(Self.list(opened)) }\n"
    try await Firewall.load(HostRules(table: name, members: members).text + elements, from: home)
    for interface in closed { try KernelSetting.set(Self.forwarding(interface), to: "1") }
  }

  /// Puts forwarding back to what it was, but for what another home needs or the administrator has since switched on
  /// for the whole machine, and removes the table. Needs the lock.
  func remove() async throws {
    let own = OpenedInterfaces.read(of: home)
    if !own.isEmpty && KernelSetting.value(of: "net/ipv4/ip_forward") == "0" {
      for interface in own.subtracting(try await openedByOthers(own))
      where KernelSetting.value(of: Self.forwarding(interface)) != nil {
        try KernelSetting.set(Self.forwarding(interface), to: "0")
      }
    }
    if try await Firewall.tables(withPrefix: name).contains(name) {
      try await Command("nft", ["delete", "table", "inet", name]).run()
    }
    try Folder.remove(NetworkSpace.hostFolder(of: home))
  }

  /// The ports of an address that other homes' cloudpipes have, and in which table. Needs the lock.
  func forwardedByOthers(from address: IPv4Address) async throws -> [PortNumber: String] {
    var found: [PortNumber: String] = [:]
    for table in try await Firewall.tables(withPrefix: "cpbuild-") where table != name {
      for port in try await Firewall.forwarded(from: address, in: table) { found[port] = table }
    }
    return found
  }

  /// Those among the interfaces that other homes opened: their forwarding wasn't on of itself either.
  private func openedByOthers(_ interfaces: Set<String>) async throws -> Set<String> {
    var others: Set<String> = []
    for table in try await Firewall.tables(withPrefix: "cpbuild-") where table != name {
      others.formUnion(try await Firewall.opened(in: table))
    }
    return others.intersection(interfaces)
  }

  /// What of it isn't as it should be for a network, in words for people.
  func faults(of record: NetworkRecord) async -> [String] {
    guard let text = try? await Command("nft", ["list", "table", "inet", name]).run() else {
      return ["the firewall table inet \(name) is gone: 'cpbuild restart' makes it again"]
    }
    var faults: [String] = []
    if let forward = record.forward, !text.contains("\(forward.address) . \(forward.port) :") {
      faults.append("\(forward.address):\(forward.port) isn't forwarded: 'cpbuild restart' mends it")
    }
    return faults + (await ForeignFirewall.faults())
  }

  static func members(of home: Home) -> [HostRules.Member] {
    let networks = NetworkSpace.networks(of: home)
    return ((try? Folder.names(in: networks)) ?? []).flatMap { project in
      ((try? Folder.names(in: networks.appending(project))) ?? []).compactMap { network in
        NetworkRecord.read(from: networks.appending(project).appending(network)).map {
          HostRules.Member(record: $0, port: NetworkSpace(home: home, id: $0.plan.id).hostPort)
        }
      }
    }
  }

  /// The interfaces that answers and new clients come in by: all that have an address, since a client may be on a network
  /// that isn't the public address's own. What is opened forwards nothing but that: see ``HostRules``.
  private static var outward: Set<String> {
    Set(HostInterfaces.current().map(\.name).filter { $0 != "lo" && !$0.hasPrefix(NetworkSpace.hostPortPrefix) })
  }

  private static func forwarding(_ interface: String) -> String { "net/ipv4/conf/\(interface)/forwarding" }
  private static func list(_ names: Set<String>) -> String {
    names.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
  }
}

/// The interfaces whose forwarding a home switched on: kept in a file too, since restarting the host's own firewall
/// takes every table with it.
private enum OpenedInterfaces {
  /// The kernel's settings are forgotten when the machine restarts.
  private struct Note: Codable {
    let boot: String?
    let interfaces: Set<String>
  }

  private static var boot: String? { KernelSetting.value(of: "kernel/random/boot_id") }
  private static func path(_ home: Home) -> FilePath { NetworkSpace.hostFolder(of: home).appending("opened.json") }

  static func read(of home: Home) -> Set<String> {
    guard let bytes = try? Data(contentsOf: URL(filePath: path(home).string)),
      let note = try? JSONDecoder().decode(Note.self, from: bytes), note.boot == boot
    else { return [] }
    return note.interfaces
  }

  static func write(_ interfaces: Set<String>, of home: Home) throws {
    if interfaces == read(of: home) { return }
    try AtomicFile.write(
      try JSONEncoder().encode(Note(boot: boot, interfaces: interfaces)), to: path(home), mode: 0o600)
  }
}

/// This machine's interfaces and their IPv4 addresses.
enum HostInterfaces {
  static func current() -> [(name: String, address: IPv4Address)] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [(name: String, address: IPv4Address)] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let address = entry.pointee.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else { continue }
      let bits = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
      found.append((String(cString: entry.pointee.ifa_name), IPv4Address(bits: UInt32(bigEndian: bits))))
    }
    return found
  }
}

/// nft, for this namespace or another.
enum Firewall {
  /// Loads rules in one step: all of them or none.
  static func load(_ text: String, from home: Home) async throws {
    let file = NetworkSpace.hostFolder(of: home).appending("firewall.nft")
    try AtomicFile.write(text, to: file, mode: 0o600)
    try await Command("nft", ["-f", file.string]).run()
  }

  static func tables(withPrefix prefix: String) async throws -> [String] {
    try await Command("nft", ["list", "tables", "inet"]).run().split(separator: "\n").compactMap { line in
      line.split(separator: " ").last.map(String.init)
    }.filter { $0.hasPrefix(prefix) }
  }

  /// The interfaces that a home's table says it opened.
  static func opened(in table: String) async throws -> Set<String> {
    let text = try await Command("nft", ["list", "set", "inet", table, "opened"]).run()
    guard let elements = text.firstRange(of: "elements = {") else { return [] }
    let words = text[elements.upperBound...].prefix { $0 != "}" }.split(separator: "\"")
    return Set(words.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
  }
}

extension Firewall {
  /// The ports of an address that a home's table forwards, as ``HostRules`` has it do that.
  static func forwarded(from address: IPv4Address, in table: String) async throws -> [PortNumber] {
    try await Command("nft", ["list", "table", "inet", table]).run().matches(of: /([0-9.]+) \. ([0-9]+) :/)
      .compactMap { $0.1 == address.text ? try? PortNumber($0.2) : nil }
  }
}

/// Firewalls of others, whose verdict counts beside cpbuild's own.
enum ForeignFirewall {
  /// A chain that drops whatever is forwarded, unless it has a rule about cpbuild's interfaces.
  static func faults() async -> [String] {
    guard let text = try? await Command("nft", ["list", "ruleset"]).run() else { return [] }
    return droppingChains(in: text).map {
      "the chain \($0) drops what is forwarded, so neither clients from elsewhere nor machines on their way out come "
        + "through: let it accept interfaces named cpb*, in both directions"
    }
  }

  static func droppingChains(in ruleset: String) -> [String] {
    var (table, chain, body) = ("", "", "")
    var found: [String] = []
    for line in ruleset.split(separator: "\n") {
      if line.hasPrefix("table ") {
        table = String(line.dropFirst(6).prefix { $0 != "{" }).trimmingCharacters(in: .whitespaces)
      } else if line.hasPrefix("\tchain ") {
        chain = String(line.dropFirst(7).prefix { $0 != " " })
        body = ""
      } else if line == "\t}" {
        let drops = body.contains("hook forward") && body.contains("policy drop") && !body.contains("cpb")
        if drops && !table.hasPrefix("bridge") && !chain.isEmpty { found.append("\(table) \(chain)") }
        chain = ""
      } else {
        body += line
      }
    }
    return found
  }
}
