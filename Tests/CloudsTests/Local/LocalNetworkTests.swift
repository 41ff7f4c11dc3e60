import Clouds
import Foundation
import Glibc
import Host
import SystemPackage
import Testing

/// Real namespaces, bridges, dnsmasq, nftables and metadata services. One after the other: each keeps two cores busy, and
/// they share the machine's lock.
@Suite("Local networks", .serialized, .enabled(if: PlayedMachine.isRoot, "namespaces take root"))
struct LocalNetworkTests {
  @Test("a cloudpipe gets its reserved address, the network's names, and its own metadata")
  func serves() async throws {
    try await PlayedMachine.with { machine in
      let instance = try await launched("acme", on: machine)
      let lease = try await instance.lease()
      #expect(lease.contains("address=10.66.0.2 router=10.66.0.1 dns=10.66.0.1 domain=acme.internal"))
      #expect(lease.contains("169.254.169.254/32 10.66.0.1"))
      let lookup = try await machine.run(
        in: instance.name, "busybox", "nslookup", "acme-vpn.acme.internal", "10.66.0.1")
      #expect(lookup.stdout.contains("10.66.0.2"))

      #expect(try await instance.get("/latest/user-data") == ("payload of acme", "200"))
      #expect(try await instance.get("/openstack/latest/user_data").status == "200")
      #expect(try await instance.get("/latest/meta-data/local-ipv4").body == "10.66.0.2")
      #expect(try await instance.get("/2009-04-04/meta-data/public-keys/0/openssh-key").body == "ssh-ed25519 AAAA acme")
      #expect(try await instance.get("/openstack/latest/meta_data.json").body.contains("\"project_id\":\"acme\""))
      #expect(try await instance.get("/cloudpipe/crl.pem").body == "the CRL of acme")
      #expect(try await instance.get("/latest/meta-data/no-such").status == "404")
      #expect(try await instance.get("/latest/user-data", "-X", "POST").status == "405")
      #expect(try await instance.get("/latest/../../../etc/shadow", "--path-as-is").status == "404")
    }
  }

  @Test("the payload is refused once the instance has booted, and served again for its next boot")
  func window() async throws {
    try await PlayedMachine.with { machine in
      let instance = try await launched("acme", on: machine)
      _ = try await instance.lease()
      #expect(try await instance.get("/latest/user-data").status == "200")
      let console = try machine.space(of: "acme").console
      try AtomicFile.write("cloudpipe: rc.local done\n", to: console, mode: 0o600)
      #expect(try await instance.get("/latest/user-data").status == "403")
      #expect(try await instance.get("/cloudpipe/crl.pem").status == "200")
      // Rebooted from inside, it asks again.
      let handle = try #require(FileHandle(forWritingAtPath: console.string))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data("cloudpipe: init fetches http://169.254.169.254/latest/user-data\n".utf8))
      #expect(try await instance.get("/latest/user-data").status == "200")
      try handle.write(contentsOf: Data("cloudpipe: rc.local done\n".utf8))
      #expect(try await instance.get("/latest/user-data").status == "403")
      try Folder.remove(console)
      try await machine.cloud("acme", "expect", payload("acme", on: machine).string)
      #expect(try await instance.get("/latest/user-data").status == "200")
    }
  }

  @Test("nobody gets a machine's metadata by claiming its name, or its address under another MAC address")
  func refuses() async throws {
    try await PlayedMachine.with { machine in
      let instance = try await launched("acme", on: machine)
      try await machine.ip("-n", instance.name, "link", "set", "eth0", "address", "fa:16:3e:00:00:99")
      try await machine.ip("-n", instance.name, "address", "add", "10.66.0.2/24", "dev", "eth0")
      try await machine.ip("-n", instance.name, "route", "add", "default", "via", "10.66.0.1")
      #expect(try await instance.get("/latest/user-data").status == "403")
      try await machine.ip("-n", instance.name, "address", "flush", "dev", "eth0")
      // One of the addresses of bridged clients: the bridge lets them to the metadata service not at all.
      try await machine.ip("-n", instance.name, "address", "add", "10.66.0.250/24", "dev", "eth0")
      try await machine.ip("-n", instance.name, "route", "add", "default", "via", "10.66.0.1")
      #expect(try await instance.get("/latest/user-data", "-H", "X-Forwarded-For: 10.66.0.2").status == "000")
    }
  }

  @Test("a public port leads to the VPN from elsewhere, from the host and over its loopback; nothing else comes in")
  func publishes() async throws {
    try await PlayedMachine.with { machine in
      let instance = try await launched("acme", on: machine)
      _ = try await instance.lease()
      try await machine.cloud("acme", "publish", PlayedMachine.hostAddress, "20000", "10.66.0.2")
      try await instance.echoing(on: 1194) {
        let (host, outside) = (machine.host, machine.outside)
        // The VPN's log shows who really came.
        #expect(try await machine.ask(PlayedMachine.hostAddress, 20000, from: outside) == "203.0.113.9 hello")
        #expect(try await machine.ask(PlayedMachine.hostAddress, 20000, from: host) == "203.0.113.1 hello")
        #expect(try await machine.ask(PlayedMachine.hostAddress, 20001, from: outside).isEmpty)

        try await machine.cloud("acme", "publish", "127.0.0.1", "20001", "10.66.0.2")
        #expect(try await machine.ask("127.0.0.1", 20001, from: host).hasSuffix("hello"))
        #expect(try await machine.ask(PlayedMachine.hostAddress, 20000, from: outside).isEmpty)
        try await machine.cloud("acme", "unpublish")
        #expect(try await machine.ask("127.0.0.1", 20001, from: host).isEmpty)
      }
      let space = try machine.space(of: "acme").namespace
      try await instance.echoing(on: 1195) {
        let answer = try await machine.ask("10.66.0.2", 1195, from: space)
        #expect(answer.isEmpty)
      }
    }
  }

  @Test("ports that programs hear or another home's cloudpipes have are known, and the latter aren't taken from them")
  func portsInUse() async throws {
    try await PlayedMachine.with { machine in
      let host = PlayedMachine.hostAddress
      for (project, home) in [("acme", machine.home), ("zeta", machine.otherHome)] {
        try await machine.cloud(project, "make", "10.66.0.0/24", home: home)
      }
      try await machine.cloud("acme", "publish", host, "20000", "10.66.0.2")
      try await machine.cloud("zeta", "publish", host, "20001", "10.66.0.2", home: machine.otherHome)
      try await machine.echoing(on: 53, in: machine.host) {
        let own = try await machine.cloud("acme", "holders", host).split(separator: "\n")
        #expect(own.count == 2 && own[0].hasPrefix("53 a program") && own[1].hasPrefix("20001 a cloudpipe of another"))
        let others = try await machine.cloud("zeta", "holders", host, home: machine.otherHome)
        #expect(others.contains("20000 a cloudpipe of another") && !others.contains("20001"))
        // Of one that is bound to any address every address has the port.
        let loopback = try await machine.cloud("acme", "holders", "127.0.0.1")
        #expect(loopback.hasPrefix("53 ") && loopback.split(separator: "\n").count == 1)
      }
      let before = try await machine.hostRules()
      let taken = try await machine.command("acme", ["publish", host, "20001", "10.66.0.2"]).output()
      #expect(taken.status != 0 && taken.stderrTail.contains("leads to a cloudpipe of another home"))
      #expect(try await machine.hostRules() == before)
      // Its own it may have again.
      try await machine.cloud("acme", "publish", host, "20000", "10.66.0.2")
    }
  }

  @Test("what is in a network reaches the world outside with the host's address, and nobody comes in that way")
  func outward() async throws {
    try await PlayedMachine.with { machine in
      let instance = try await launched("acme", on: machine)
      _ = try await instance.lease()
      try await machine.echoing(on: 7000, in: machine.outside) {
        let answer = try await machine.ask(PlayedMachine.outsideAddress, 7000, from: instance.name)
        #expect(answer == "\(PlayedMachine.hostAddress) hello")
      }
      // Outside has a route back, and still none gets in.
      try await machine.ip("-n", machine.outside, "route", "add", "10.66.0.0/24", "via", PlayedMachine.hostAddress)
      try await instance.echoing(on: 1194) {
        let answer = try await machine.ask("10.66.0.2", 1194, from: machine.outside)
        #expect(answer.isEmpty)
      }
    }
  }

  @Test("a network with IPv6 hands out addresses by advertisement and by DHCP, and leads nowhere else")
  func version6() async throws {
    try await PlayedMachine.with { machine in
      let instance = try await launched("acme", on: machine)
      // As of RFC 4291, appendix A, from its MAC address.
      let own = "fd00:66::f816:3eff:fe00:2/64"
      var addresses = ""
      for _ in 0..<1500 where !addresses.contains(own) || addresses.contains("tentative") {
        addresses = try await machine.run(in: instance.name, "ip", "-6", "address", "show", "eth0").stdout
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(addresses.contains(own), "\(addresses)")
      let routes = try await machine.run(in: instance.name, "ip", "-6", "route", "show", "default").stdout
      #expect(routes.isEmpty)
      let ping = try await machine.run(in: instance.name, "busybox", "ping", "-6", "-c", "1", "-W", "3", "fd00:66::1")
      #expect(ping.status == 0, "\(ping.stdout)")
      let offer = try await machine.run(in: instance.name, "python3", "-c", Self.solicit)
      #expect(offer.stdout.hasPrefix("fd00:66::1"), "\(offer.stdout) \(offer.stderrTail)")
    }
  }

  /// Asks for an address (RFC 8415, 16 and 21) and prints the one that is offered.
  private static let solicit = """
    import ipaddress, socket, struct
    option = lambda code, data: struct.pack("!HH", code, len(data)) + data
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.settimeout(2); s.bind(("::", 546))
    ask = b"\\x01abc" + option(1, b"\\0\\3\\0\\1" + bytes.fromhex("fa163e000002")) + option(3, b"\\0" * 12) + option(8, b"\\0\\0")
    for _ in range(5):
      s.sendto(ask, ("ff02::1:2", 547, 0, socket.if_nametoindex("eth0")))
      try: answer = s.recv(2000)
      except OSError: continue
      place = answer.index(struct.pack("!HH", 5, 24)) + 4
      print(ipaddress.IPv6Address(answer[place:place + 16])); break
    """

  @Test("two projects with the same range work side by side, and no path leads from one to the other")
  func apart() async throws {
    try await PlayedMachine.with { machine in
      let acme = try await launched("acme", on: machine)
      let zeta = try await launched("zeta", on: machine)
      for instance in [acme, zeta] { _ = try await instance.lease() }
      #expect(try await acme.get("/latest/user-data").body == "payload of acme")
      #expect(try await zeta.get("/latest/user-data").body == "payload of zeta")
      try await machine.cloud("zeta", "publish", PlayedMachine.hostAddress, "20001", "10.66.0.2")
      let way = try transit(of: "zeta", on: machine)
      try await zeta.echoing(on: 1194) {
        // The public port is public; the way behind it isn't.
        #expect(try await machine.ask(PlayedMachine.hostAddress, 20001, from: acme.name).hasSuffix("hello"))
        #expect(try await machine.ask(way, 1194, from: acme.name).isEmpty)
        try await machine.ip("-n", machine.outside, "route", "add", "198.18.0.0/15", "via", PlayedMachine.hostAddress)
        #expect(try await machine.ask(way, 1194, from: machine.outside).isEmpty)
      }
    }
  }

  private func launched(_ project: String, on machine: PlayedMachine) async throws -> PlayedInstance {
    try await machine.cloud(project, "make", "10.66.0.0/24", "fd00:66::/64")
    try await machine.cloud(project, "expect", payload(project, on: machine).string)
    return try await PlayedInstance(of: project, on: machine)
  }

  private func payload(_ project: String, on machine: PlayedMachine) throws -> FilePath {
    let folder = machine.folder.appending("payload-\(project)")
    try Folder.make(folder, mode: 0o700)
    try AtomicFile.write("payload of \(project)", to: folder.appending("payload"), mode: 0o600)
    try AtomicFile.write("the CRL of \(project)", to: folder.appending("crl.pem"), mode: 0o600)
    return folder.appending("payload")
  }

  /// The namespace's own address on its way to the host.
  private func transit(of project: String, on machine: PlayedMachine) throws -> String {
    let file = try machine.space(of: project).folder.appending("network.json")
    let text = try String(contentsOfFile: file.string, encoding: .utf8)
    let match = try #require(text.firstMatch(of: /"transit" : "198\.18\.0\.(\d+)\\?\/31"/))
    return "198.18.0.\(try #require(Int(match.output.1)) + 1)"
  }
}
