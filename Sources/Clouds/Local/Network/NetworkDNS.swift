import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage

/// The network's DHCP and DNS server, and its router advertisements: dnsmasq, which gives up root once it has its sockets.
struct NetworkDNS {
  let space: NetworkSpace
  let plan: NetworkPlan

  static func process(in space: NetworkSpace) -> BackgroundProcess {
    BackgroundProcess(name: "dnsmasq", folder: space.folder)
  }

  /// Starts it, or starts it anew when what it should say has changed.
  ///
  /// - Throws: ``LocalCloudError/helper(name:network:output:)``, `HostError`.
  func converge() async throws {
    let process = Self.process(in: space)
    // It holds on to the bridge that was there when it started, whatever is called so later.
    let bridge = try await NetworkNamespace(path: space.namespacePath).perform { if_nametoindex(NetworkSpace.bridge) }
    let wanted = "# interface \(bridge)\n" + configuration(resolvers: HostResolvers.reachable())
    let file = space.folder.appending("dnsmasq.conf")
    if process.serves(space), (try? String(contentsOfFile: file.string, encoding: .utf8)) == wanted { return }
    try await process.stop()
    try AtomicFile.write(wanted, to: file, mode: 0o600)
    let identity = try process.start(
      "dnsmasq",
      [
        "--keep-in-foreground", "--conf-file=\(file)", "--dhcp-leasefile=\(space.folder.appending("leases"))",
        "--pid-file=", "--log-facility=-",
      ], prefix: space.entering)
    // Ports 53 and 67, as /proc/net/udp writes them.
    try await HelperStart.wait(for: process, identity, network: space.id) {
      $0.contains(":0035 ") && $0.contains(":0043 ")
    }
  }

  func configuration(resolvers: [IPv4Address]) -> String {
    let domain = Self.domain(of: plan)
    var lines = [
      "interface=\(NetworkSpace.bridge)", "except-interface=lo", "bind-interfaces", "no-hosts", "no-resolv", "no-ping",
      "domain-needed", "bogus-priv", "cache-size=500", "dhcp-authoritative", "quiet-dhcp", "quiet-dhcp6", "quiet-ra",
      "user=\(Self.account)", "domain=\(domain)", "local=/\(domain)/",
      "dhcp-range=\(plan.cidr.address),static,\(plan.cidr.netmask),1h",
      "dhcp-option=option:router,\(plan.gateway)", "dhcp-option=option:dns-server,\(plan.gateway)",
      "dhcp-option=option:classless-static-route,0.0.0.0/0,\(plan.gateway),169.254.169.254/32,\(plan.gateway)",
    ]
    lines += resolvers.map { "server=\($0)" }
    for reservation in plan.reservations {
      let name = Self.label(reservation.name)
      lines.append("dhcp-host=\(reservation.mac),\(reservation.address),\(name)")
      lines.append("host-record=\(name),\(name).\(domain),\(reservation.address)")
    }
    if let cidr6 = plan.cidr6, let gateway = cidr6.address(at: 1), let low = cidr6.address(at: 0x1000),
      let high = cidr6.address(at: 0x1fff)
    {
      let stateless = cidr6.prefixLength == 64 ? "slaac," : ""
      lines += [
        "enable-ra", "dhcp-range=\(low),\(high),\(stateless)\(cidr6.prefixLength),1h",
        // A router for nothing but the network itself: IPv6 doesn't lead out of here.
        "ra-param=\(NetworkSpace.bridge),60,0", "dhcp-option=option6:dns-server,[\(gateway)]",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The domain of the network's names: the project's own below `.internal`, which ICANN keeps for such, where none is
  /// given.
  static func domain(of plan: NetworkPlan) -> String {
    plan.domain?.text ?? "\(label(plan.id.project.text)).internal"
  }

  /// A machine's name as one label of DNS: what isn't a letter, digit or hyphen becomes a hyphen.
  static func label(_ name: String) -> String {
    let characters = name.lowercased().unicodeScalars.map { scalar -> Character in
      scalar.isASCII && scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) ? Character(scalar) : "-"
    }
    let label = String(characters).drop { $0 == "-" }.prefix(63)
    return label.isEmpty ? "machine" : String(label.reversed().drop { $0 == "-" }.reversed())
  }

  /// Debian's package makes it an account of its own.
  private static var account: String { getpwnam("dnsmasq") == nil ? "nobody" : "dnsmasq" }
}

/// The name servers that the host itself asks.
enum HostResolvers {
  /// Those that a namespace can reach too: a server on the host's loopback can't be, but systemd-resolved says whom it
  /// asks in turn.
  static func reachable(
    files: [String] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]
  ) -> [IPv4Address] {
    for file in files {
      guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
      let servers = text.split(separator: "\n").compactMap { line -> IPv4Address? in
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count >= 2, words[0] == "nameserver" else { return nil }
        return try? IPv4Address(words[1])
      }
      let outside = servers.filter { $0.bits >> 24 != 127 && $0.bits != 0 }
      if !outside.isEmpty { return outside }
    }
    return []
  }
}

extension BackgroundProcess {
  /// Whether it runs in the network's namespace: one that was deleted lives on for as long as a helper is in it.
  func serves(_ space: NetworkSpace) -> Bool {
    guard let process = recorded, process.isAlive, let inode = NetworkNamespace(path: space.namespacePath).inode else {
      return false
    }
    return NetworkNamespace(path: FilePath("/proc/\(process.pid)/ns/net")).inode == inode
  }
}

/// Waits for a helper that was just started.
enum HelperStart {
  /// - Parameter ready: given what `/proc/net/tcp` and `udp` show of the helper's namespace.
  /// - Throws: ``LocalCloudError/helper(name:network:output:)`` when it ended, or said nothing within ten seconds.
  static func wait(
    for process: BackgroundProcess, _ identity: ProcessIdentity, network: NetworkID, ready: (String) -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
      let sockets = ["tcp", "udp"].map {
        (try? String(contentsOfFile: "/proc/\(identity.pid)/net/\($0)", encoding: .utf8)) ?? ""
      }
      guard identity.isAlive else { break }
      if ready(sockets.joined()) { return }
      try await Task.sleep(for: .milliseconds(3))
    }
    let output = process.logTail()
    try await process.stop(grace: .zero)
    throw LocalCloudError.helper(name: process.name, network: network, output: output)
  }
}
