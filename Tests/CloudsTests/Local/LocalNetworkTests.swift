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
