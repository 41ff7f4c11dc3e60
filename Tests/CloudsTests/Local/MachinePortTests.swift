import Clouds
import Foundation
import Glibc
import Host
import SystemPackage
import Testing

/// Machines in namespaces that play containers, in real networks.
@Suite("Machines in a network", .serialized, .enabled(if: PlayedMachine.isRoot, "namespaces take root"))
struct MachinePortTests {
  static let network = ["10.66.0.0/24", "fd00:66::/64"]

  @Test("one in a namespace is configured at once, has a name, and is told about itself alone")
  func attached() async throws {
    try await PlayedMachine.with { machine in
      let web = try await attach("web", on: machine)
      let address = try await machine.run(in: web.name, "ip", "-o", "-4", "address", "show", "eth0").stdout
      #expect(address.contains("inet 10.66.0.3/24"))
      #expect(try await web.get("/latest/meta-data/hostname").body == "web.acme.internal")
      #expect(try await web.get("/latest/meta-data/local-ipv4").body == "10.66.0.3")
      #expect(try await web.get("/latest/user-data").status == "404")
      #expect(try await web.get("/openstack/latest/user_data").status == "404")
      #expect(try await web.get("/cloudpipe/crl.pem").status == "404")
      let lookup = try await machine.run(in: web.name, "busybox", "nslookup", "web.acme.internal", "10.66.0.1")
      #expect(lookup.stdout.contains("10.66.0.3"))
      #expect(try await machine.cloud("acme", "faults") == "\n")
    }
  }

  @Test("two reach each other on any port, and the cloudpipe only where its group lets them")
  func reach() async throws {
    try await PlayedMachine.with { machine in
      let web = try await attach("web", on: machine)
      let db = try await attach("db", beside: [web], on: machine)
      let payload = machine.folder.appending("payload")
      try AtomicFile.write("payload", to: payload, mode: 0o600)
      try await machine.cloud("acme", "expect", payload.string)
      let cloudpipe = try await PlayedInstance(of: "acme", on: machine)
      _ = try await cloudpipe.lease()
      try await db.echoing(on: 5432) {
        let answer = try await machine.ask("10.66.0.4", 5432, from: web.name)
        #expect(answer == "10.66.0.3 hello")
      }
      try await cloudpipe.echoing(on: 1194) {
        let answer = try await machine.ask("10.66.0.2", 1194, from: web.name)
        #expect(answer == "10.66.0.3 hello")
      }
      try await cloudpipe.echoing(on: 1195) {
        let answer = try await machine.ask("10.66.0.2", 1195, from: web.name)
        #expect(answer.isEmpty)
      }
    }
  }

  @Test("one can't speak for the gateway, the cloudpipe or another machine, in IPv4 or in IPv6")
  func spoofing() async throws {
    try await PlayedMachine.with { machine in
      let evil = try await attach("evil", on: machine)
      let victim = try await attach("victim", beside: [evil], on: machine)
      let heard = try await Frames.exchange(from: evil, to: victim, on: machine)
      #expect(heard == ["honest arp", "honest ip", "honest ip6"], "each of the others was a lie")
    }
  }

  @Test("the cloudpipe's lease and its metadata outlive that machines come and go")
  func leases() async throws {
    try await PlayedMachine.with { machine in
      try await machine.cloud("acme", ["make"] + Self.network)
      let cloudpipe = try await PlayedInstance(of: "acme", on: machine)
      _ = try await cloudpipe.lease()
      let file = try machine.space(of: "acme").folder.appending("leases").string
      let before = try String(contentsOfFile: file, encoding: .utf8)
      #expect(before.contains("10.66.0.2"))
      let web = try await attach("web", on: machine)
      let lookup = try await machine.run(in: cloudpipe.name, "busybox", "nslookup", "web.acme.internal", "10.66.0.1")
      #expect(lookup.stdout.contains("10.66.0.3"))
      #expect(try String(contentsOfFile: file, encoding: .utf8) == before)
      try await machine.cloud("acme", ["make"] + Self.network)
      #expect(try String(contentsOfFile: file, encoding: .utf8) == before)
      #expect(try await cloudpipe.get("/latest/meta-data/local-ipv4").body == "10.66.0.2")
      let links = try await machine.run(in: web.name, "ip", "-o", "link").stdout
      #expect(!links.contains("eth0"))
      #expect(try await cloudpipe.lease().contains("address=10.66.0.2"))
    }
  }

  @Test("what was deleted of one is told and comes back with the network; one that is gone itself is told and let be")
  func mending() async throws {
    try await PlayedMachine.with { machine in
      let web = try await attach("web", on: machine)
      let plan = Self.network + ["web=\(web.path)", "vm=tap"]
      try await machine.cloud("acme", ["make"] + plan)
      let space = try machine.space(of: "acme").namespace
      for port in ["mfa163e000003", "mfa163e000004"] { try await machine.ip("-n", space, "link", "delete", port) }
      let faults = try await machine.cloud("acme", "faults")
      #expect(faults.contains("web isn't plugged in") && faults.contains("vm isn't plugged in"))
      try await machine.cloud("acme", ["make"] + plan)
      #expect(try await machine.cloud("acme", "faults") == "\n")
      #expect(try await web.get("/latest/meta-data/hostname").status == "200")
      // All of the network is made again, as after a restart of the machine.
      try await machine.ip("netns", "delete", space)
      try await machine.cloud("acme", ["make"] + plan)
      #expect(try await machine.cloud("acme", "faults") == "\n")
      #expect(try await web.get("/latest/meta-data/hostname").status == "200")
      try await machine.ip("netns", "delete", web.name)
      try await machine.cloud("acme", ["make"] + plan)
      #expect(try await machine.cloud("acme", "faults").contains("\(web.path) isn't a network namespace"))
    }
  }

  @Test("one moves from its namespace to a tap device and back, and never has two ports")
  func moving() async throws {
    try await PlayedMachine.with { machine in
      let web = try await attach("web", on: machine)
      try await machine.cloud("acme", ["attach"] + Self.network + ["web=tap"])
      #expect(try await machine.cloud("acme", "faults") == "\n")
      let links = try await machine.run(in: web.name, "ip", "-o", "link").stdout
      #expect(!links.contains("eth0"))
      let space = try machine.space(of: "acme").namespace
      let port = try await machine.run(in: space, "ip", "-d", "link", "show", "mfa163e000003").stdout
      #expect(port.contains("tun type tap") && port.contains("user 4242424"))
      try await machine.cloud("acme", ["attach"] + Self.network + ["web=\(web.path)"])
      #expect(try await web.get("/latest/meta-data/hostname").status == "200")
    }
  }

  @Test("a place that isn't a machine's is refused, and what is there isn't touched")
  func refused() async throws {
    try await PlayedMachine.with { machine in
      let web = try await attach("web", on: machine)
      let taken = try await PlayedInstance(machine: "taken", on: machine)
      try await machine.ip("-n", taken.name, "link", "add", "eth0", "type", "bridge")
      let space = try machine.space(of: "acme").namespacePath
      let words = ["attach"] + Self.network + ["web=\(web.path)"]
      for (place, why) in [
        ("/run/netns/no-such", "isn't a network namespace"), ("/etc/passwd", "isn't a network namespace"),
        (taken.path, "has an interface eth0 already"), ("/run/netns/\(machine.host)", "of this host"),
        (space.string, "of the network itself"),
      ] {
        let output = try await machine.command("acme", words + ["other=\(place)"]).output()
        #expect(output.status == 1 && output.stderrTail.contains(why), "\(place): \(output.stderrTail)")
      }
      let link = try await machine.run(in: taken.name, "ip", "-d", "link", "show", "eth0").stdout
      #expect(link.contains("bridge"))
      try await machine.cloud("acme", ["make"] + Self.network + ["web=\(web.path)"])
      #expect(try await web.get("/latest/meta-data/hostname").status == "200")
      #expect(try await machine.cloud("acme", "faults") == "\n")
    }
  }

  @Test("an attach that is killed at any moment is finished by the next, or undone without a trace")
  func killed() async throws {
    try await PlayedMachine.with { machine in
      let web = try await attach("web", on: machine)
      for (index, delay) in [100, 200, 300, 400, 500, 600, 700, 800].enumerated() {
        let db = try await PlayedInstance(machine: "db\(index)", on: machine)
        let plan = Self.network + ["web=\(web.path)", "db=\(db.path)"]
        let command = machine.command("acme", ["attach"] + plan)
        _ = try await Command("timeout", ["--signal=KILL", "0.\(delay)", command.program] + command.arguments).output()
        if index.isMultiple(of: 2) {
          try await machine.cloud("acme", ["attach"] + plan)
          #expect(try await db.get("/latest/meta-data/hostname").body == "db.acme.internal")
          #expect(try await machine.cloud("acme", "faults") == "\n")
        }
        try await machine.cloud("acme", ["make"] + Self.network + ["web=\(web.path)"])
        let links = try await machine.run(in: db.name, "ip", "-o", "link").stdout
        #expect(!links.contains("eth0"))
        let ports = try await machine.run(in: try machine.space(of: "acme").namespace, "ip", "-o", "link").stdout
        #expect(ports.components(separatedBy: ": mfa").count == 2)
      }
      #expect(try await web.get("/latest/meta-data/hostname").status == "200")
    }
  }

  /// Attaches a machine to acme's network.
  private func attach(
    _ name: String, beside others: [PlayedInstance] = [], on machine: PlayedMachine
  ) async throws -> PlayedInstance {
    if others.isEmpty { try await machine.cloud("acme", ["make"] + Self.network) }
    let new = try await PlayedInstance(machine: name, on: machine)
    let prefix = "cpt-\(machine.tag)-".count
    let places = (others + [new]).map { "\($0.name.dropFirst(prefix))=\($0.path)" }
    try await machine.cloud("acme", ["attach"] + Self.network + places)
    return new
  }
}
