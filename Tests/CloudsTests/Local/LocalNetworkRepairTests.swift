import Clouds
import Foundation
import Glibc
import Host
import SystemPackage
import Testing

@Suite("Local networks, broken and removed", .serialized, .enabled(if: PlayedMachine.isRoot, "namespaces take root"))
struct LocalNetworkRepairTests {
  @Test("a removed network leaves nothing, and the host as it was")
  func removal() async throws {
    try await PlayedMachine.with { machine in
      #expect(try await forwarding(of: machine) == "0")
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      try await machine.cloud("zeta", "make", "10.66.0.0/24", home: machine.otherHome)
      #expect(try await forwarding(of: machine) == "1")
      #expect(try await machine.run(in: machine.host, "cat", "/proc/sys/net/ipv4/ip_forward").stdout == "0\n")
      try await machine.cloud("acme", "remove")
      // The other home still needs it.
      #expect(try await forwarding(of: machine) == "1")
      try await machine.cloud("zeta", "remove", home: machine.otherHome)
      try await expectNothing(of: machine)
      try await machine.cloud("acme", "remove")
    }
  }

  @Test(
    "what is killed or deleted is told, and mended by making the network again", arguments: ["dnsmasq", "metadata"])
  func mending(helper: String) async throws {
    try await PlayedMachine.with { machine in
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      #expect(try await machine.cloud("acme", "faults") == "\n")
      let process = BackgroundProcess(name: helper, folder: try machine.space(of: "acme").folder)
      let identity = try #require(process.recorded)
      identity.send(SIGKILL)
      while identity.isAlive { try await Task.sleep(for: .milliseconds(5)) }
      #expect(try await machine.cloud("acme", "faults").contains(helper))
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      #expect(process.isRunning)
      #expect(try await machine.cloud("acme", "faults") == "\n")
      let table = try machine.space(of: "acme").table
      #expect(try await machine.run(in: machine.host, "nft", "delete", "table", "inet", table).status == 0)
      #expect(try await machine.cloud("acme", "faults").contains(table))
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      #expect(try await machine.cloud("acme", "faults") == "\n")
      try await machine.cloud("acme", "remove")
      try await expectNothing(of: machine)
    }
  }

  @Test(
    "what is deleted of the network's own is told, and mended by making it again",
    arguments: [
      ["ip", "netns", "delete", "SPACE"], ["ip", "-n", "SPACE", "link", "delete", "cloudpipe"],
      ["ip", "-n", "SPACE", "link", "delete", "project"], ["ip", "-n", "SPACE", "link", "delete", "uplink"],
      ["ip", "netns", "exec", "SPACE", "nft", "delete", "table", "bridge", "project"],
      ["ip", "netns", "exec", "SPACE", "nft", "flush", "ruleset"],
    ])
  func mendingSpace(command: [String]) async throws {
    try await PlayedMachine.with { machine in
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      let space = try machine.space(of: "acme").namespace
      let words = command.map { $0.replacingOccurrences(of: "SPACE", with: space) }
      try await Command(words[0], Array(words.dropFirst())).run()
      #expect(try await machine.cloud("acme", "faults").contains("is gone"))
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      #expect(try await machine.cloud("acme", "faults") == "\n")
      let instance = try await PlayedInstance(of: "acme", on: machine)
      #expect(try await instance.lease().contains("address=10.66.0.2"))
      #expect(try await instance.get("/latest/meta-data/local-ipv4").body == "10.66.0.2")
      try await machine.cloud("acme", "remove")
      try await expectNothing(of: machine)
    }
  }

  @Test("the checker finds nothing where all is accounted for, and each thing that isn't")
  func orphans() async throws {
    try await PlayedMachine.with { machine in
      #expect(try await machine.cloud("acme", "orphans").isEmpty)
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      #expect(try await machine.cloud("acme", "orphans", "acme").isEmpty)
      let space = try machine.space(of: "acme")
      let pids = ["dnsmasq", "metadata"].compactMap { BackgroundProcess(name: $0, folder: space.folder).recorded?.pid }
      let all = try await machine.cloud("acme", "orphans").split(separator: "\n").map(String.init)
      let project = space.folder.removingLastComponent()
      let expected =
        ["namespace \(space.namespace)", "interface \(space.hostPort)", "table \(space.table)"]
        + pids.map { "process \($0)" }
        + ["folder \(project.removingLastComponent().appending(".host"))", "folder \(project)"]
      #expect(Set(all) == Set(expected.map { "the \($0)" }))

      // Strange things beside those that are accounted for.
      let stray = String(space.namespace.dropLast(7)) + "zzzzzzz"
      try await machine.ip("netns", "add", stray)
      try await machine.ip("-n", space.namespace, "tuntap", "add", "mfa163e0000ff", "mode", "tap")
      let file = space.folder.appending("core")
      try AtomicFile.write("", to: file)
      let process = BackgroundProcess(name: "other", folder: space.folder)
      let pid = try process.start("sleep", ["1000"]).pid
      let found = try await machine.cloud("acme", "orphans", "acme").split(separator: "\n").map(String.init)
      let files = ["core", "other.process", "other.log"].map { "file \(space.folder.appending($0))" }
      let strange = ["namespace \(stray)", "interface mfa163e0000ff", "process \(pid)"] + files
      #expect(Set(found) == Set(strange.map { "the \($0)" }))
      try await process.stop(grace: .zero)
      try await machine.ip("netns", "delete", stray)
      try await machine.cloud("acme", "remove")
      #expect(try await machine.cloud("acme", "orphans", "acme") == "acme/default: its network isn't there\n")
    }
  }

  @Test("a firewall of others that drops what is forwarded is told of, and left alone")
  func foreignFirewall() async throws {
    try await PlayedMachine.with { machine in
      let rules = "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; } ; }"
      #expect(try await machine.run(in: machine.host, "nft", rules).status == 0)
      let before = try await machine.hostRules()
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      #expect(try await machine.cloud("acme", "faults").contains("ip filter FORWARD"))
      try await machine.cloud("acme", "remove")
      #expect(try await machine.hostRules() == before)
    }
  }

  @Test("eight networks made at once have eight ways out and all work")
  func atOnce() async throws {
    try await PlayedMachine.with { machine in
      let projects = (1...8).map { "p\($0)" }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for project in projects {
          group.addTask { try await machine.cloud(project, "make", "10.66.0.0/24") }
        }
        try await group.waitForAll()
      }
      let addresses = try await machine.run(in: machine.host, "ip", "-o", "-4", "address", "show").stdout
      let transits = addresses.matches(of: /inet (198\.18\.[0-9.]+)/).map { String($0.output.1) }
      #expect(Set(transits).count == 8)
      for project in projects { #expect(try await machine.cloud(project, "faults") == "\n") }
      for project in projects { try await machine.cloud(project, "remove") }
      try await expectNothing(of: machine)
    }
  }

  @Test("a make that is killed at any moment is finished by the next, or removed without a trace")
  func killed() async throws {
    try await PlayedMachine.with { machine in
      for (index, delay) in [20, 60, 100, 150, 220, 320, 450, 700].enumerated() {
        let command = machine.command("acme", ["make", "10.66.0.0/24"])
        // Cancelling would end it in order; its time limit ends it with SIGKILL.
        let killed = Command(
          "timeout", ["--signal=KILL", "0.\(String(delay + 1000).dropFirst())", command.program] + command.arguments)
        _ = try await killed.output()
        if index.isMultiple(of: 2) {
          try await machine.cloud("acme", "make", "10.66.0.0/24")
          #expect(try await machine.cloud("acme", "faults") == "\n")
        }
        try await machine.cloud("acme", "remove")
        try await expectNothing(of: machine)
      }
    }
  }

  private func forwarding(of machine: PlayedMachine) async throws -> String {
    try await machine.run(in: machine.host, "cat", "/proc/sys/net/ipv4/conf/eth0/forwarding").stdout
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func expectNothing(of machine: PlayedMachine) async throws {
    #expect(try await forwarding(of: machine) == "0")
    #expect(try await machine.hostRules().isEmpty)
    let links = try await machine.run(in: machine.host, "ip", "-o", "link").stdout
    #expect(!links.contains("cpb"))
    for home in [machine.home, machine.otherHome] {
      let left = try Folder.names(in: home)
      #expect(left.isEmpty)
      let prefix = try machine.space(of: "acme", home: home).namespace.dropLast(7)
      let spaces = try Folder.names(in: "/run/netns").filter { $0.hasPrefix(prefix) }
      #expect(spaces.isEmpty)
    }
    let processes = MarkedProcesses.all().values.filter { $0.string.hasPrefix(machine.folder.string) }
    #expect(processes.isEmpty)
  }
}
