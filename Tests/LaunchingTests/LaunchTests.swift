import Clouds
import Foundation
import Host
import LaunchDoubles
import Launching
import Names
import State
import Synchronization
import SystemPackage
import Testing

/// Runs `body` with a site that is gone when the test is done, however it ends.
func withSite(_ body: (Site) async throws -> Void) async throws {
  let folder = try Folder.makeTemporary("cpbuild-launch")
  defer { try? Folder.remove(folder) }
  let site = try await Site(folder)
  try site.addImage()
  try await body(site)
  try site.store.close()
}

/// What an error says; empty when there is none.
func text(of error: (any Error)?) -> String { error.map { "\($0)" } ?? "" }

func network(_ project: String, _ name: String = "default") throws -> NetworkID {
  NetworkID(project: try ProjectID(project), name: try NetworkName(name))
}

@Suite("A launch") struct LaunchTests {
  static let calls = ["makeKeyPair", "makeSecurityGroup", "makeNetwork", "boot", "publish"]

  @Test("takes a network beside the host's own, the second address, the lowest port, and runs")
  func launches() async throws {
    try await withSite { site in
      let launched = try await site.launcher().launch(LaunchRequest(network("acme")))
      #expect(!launched.wasRunning)
      #expect(launched.forward.address.text == "192.0.2.7" && launched.forward.port.description == "20000")
      #expect(site.cloud.text("network", launched.id) == "10.2.0.0/24")
      #expect(site.cloud.text("forward", launched.id) == "192.0.2.7:20000 to 10.2.0.2")
      let state = try await site.store.read { try $0.instances.find(launched.id)?.state }
      #expect(state == .running)
    }
  }

  @Test("of one that runs finds it so and does nothing")
  func twice() async throws {
    try await withSite { site in
      let first = try await site.launcher().launch(LaunchRequest(network("acme")))
      let second = try await site.launcher(faults: ["boot": .failure]).launch(LaunchRequest(network("acme")))
      #expect(second.wasRunning && second.forward == first.forward)
    }
  }

  @Test("of one that runs asks its VPN once where that answers, and not at all where it isn't to wait")
  func asks() async throws {
    try await withSite { site in
      let request = LaunchRequest(try network("acme"))
      _ = try await site.launcher().launch(request, waits: false)
      let questions = Mutex(0)
      let launcher = try site.launcher { _ in
        questions.withLock { $0 += 1 }
        return true
      }
      #expect(try await launcher.launch(request, waits: false).wasRunning)
      #expect(questions.withLock { $0 } == 0)
      #expect(try await launcher.launch(request).wasRunning)
      #expect(questions.withLock { $0 } == 1)
      let state = try await site.store.read { try $0.instances.find(request.id)?.state }
      #expect(state == .running)
    }
  }

  @Test("of one that runs and doesn't answer says that it is down, and leaves it as it is", arguments: [false, true])
  func silent(all: Bool) async throws {
    try await withSite { site in
      let request = LaunchRequest(try network("acme"))
      let first = try await site.launcher().launch(request, waits: false)
      let remains = try await site.remains
      let launcher = try site.launcher(patience: .zero) { _ in false }
      // Also once it is known to be down.
      for _ in 1...2 {
        let error = await #expect(throws: LaunchError.self) {
          guard all else { return _ = try await launcher.launch(request) }
          for outcome in try await launcher.launchAll() { _ = try outcome.result.get() }
        }
        guard case .down = error else {
          Issue.record("\(text(of: error))")
          return
        }
        #expect(text(of: error).contains("gave no answer") && text(of: error).contains("the last line of acme/default"))
        let after = try await site.remains
        #expect(after == remains)
      }
      let again = try await site.launcher().launch(request)
      #expect(again.forward == first.forward)
    }
  }

  @Test("has no choice of the cloudpipe's address where it makes the network, and says so")
  func address() async throws {
    try await withSite { site in
      var request = LaunchRequest(try network("acme"))
      request.address = try IPv4Address("10.2.0.9")
      let error = await #expect(throws: LaunchError.self) { try await site.launcher().launch(request) }
      #expect(text(of: error).contains("leave --address out"))
      guard case .step(_, _, _, _, StateError.unsuitable) = error else {
        Issue.record("\(text(of: error))")
        return
      }
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("that fails at any call says at which step, and leaves nothing", arguments: calls)
  func fails(call: String) async throws {
    try await withSite { site in
      let error = await #expect(throws: LaunchError.self) {
        try await site.launcher(faults: [call: .failure]).launch(LaunchRequest(network("acme")))
      }
      #expect(text(of: error).contains("the cloud refuses to \(call)"))
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("that may have asked for more than it heard of is looked for once more when that can't be made any longer")
  func late() async throws {
    try await withSite { site in
      let id = try network("acme")
      func fails(unheard: Bool, later: TimeInterval) async throws {
        let launcher = try site.launcher(faults: ["boot": .failure], hasUnheard: unheard, lateness: 300, later: later)
        await #expect(throws: LaunchError.self) { try await launcher.launch(LaunchRequest(id)) }
      }
      func awaited() async throws -> Bool { try await site.remains.contains { $0.hasPrefix("open launch") } }
      try await fails(unheard: false, later: 0)
      #expect(try await !awaited())
      try await fails(unheard: true, later: 0)
      #expect(try await awaited())
      // A retry that hears all takes that over, and a termination doesn't begin anew.
      try await fails(unheard: false, later: 200)
      try await site.launcher(lateness: 300, later: 450).terminate(id)
      #expect(try await awaited())
      var other = site.cloud
      other.name = "elsewhere"
      let elsewhere = NetworkClouds(state: site.store, standard: other, isChosen: true) { _ in site.cloud }
      let refusal = await #expect(throws: LaunchError.self) { try await elsewhere.cloud(of: id) }
      #expect(text(of: refusal).contains("may still make"))
      // It was made meanwhile.
      try await site.cloud.makeSecurityGroup(SecurityGroup(name: "acme-vpn", rules: []))
      try await site.launcher(lateness: 300, later: 600).recover()
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("that isn't undone in the time that there is keeps its journal, and no other from being undone")
  func slow() async throws {
    try await withSite { site in
      let (acme, zeta) = (try network("acme"), try network("zeta"))
      for (id, faults) in [(acme, ["boot", "removeNetwork"]), (zeta, ["makeKeyPair", "removeKeyPair"])] {
        let launcher = try site.launcher(faults: Dictionary(uniqueKeysWithValues: faults.map { ($0, .failure) }))
        await #expect(throws: LaunchError.self) { try await launcher.launch(LaunchRequest(id)) }
      }
      let warnings = Mutex<[String]>([])
      let launcher = try site.launcher(
        faults: ["removeNetwork": .hang],
        report: { event in
          if case .warning(let text) = event { warnings.withLock { $0.append(text) } }
        })
      try await launcher.recover(within: .seconds(3)) { _ in
        // The time is over when one hangs and the other is undone.
        while site.cloud.text("network", acme) != nil { try await Task.sleep(for: .milliseconds(5)) }
        while try await site.store.read({ try $0.projects.find(zeta.project) }) != nil {
          try await Task.sleep(for: .milliseconds(5))
        }
      }
      let said = warnings.withLock { $0 }
      #expect(said.contains { $0.contains("of acme/default isn't cleared away after 3 s") })
      let open = try await site.store.read { try $0.launches.allOpen().map(\.projectId) }
      #expect(open == [acme.project])
      try await site.launcher().recover()
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("takes no port that somebody else has, and says who has the one that is asked for")
  func portsInUse() async throws {
    try await withSite { site in
      let (first, second, third) = (try PortNumber("20000"), try PortNumber("20001"), try PortNumber("20003"))
      let launcher = try site.launcher(holders: [first: "one", second: "another", third: "a third"])
      let id = try network("acme")
      var request = LaunchRequest(id)
      request.port = second
      let asked = request
      let refusal = await #expect(throws: LaunchError.self) { try await launcher.launch(asked) }
      #expect(text(of: refusal).hasPrefix("port 20001/udp of 192.0.2.7 is in use by another: "))
      let remains = try await site.remains
      #expect(remains == [])
      let launched = try await launcher.launch(LaunchRequest(id))
      #expect(launched.forward.port.description == "20002")
      let move = await #expect(throws: LaunchError.self) {
        try await launcher.change(id, address: nil, port: third)
      }
      #expect(text(of: move).contains("in use by a third"))
      #expect(site.cloud.text("forward", id) == "192.0.2.7:20002 to 10.2.0.2")
      // Its own it keeps.
      _ = try await site.launcher(holders: [launched.forward.port: "it"]).restart(id)
      let same = try await site.launcher(holders: [launched.forward.port: "it"]).change(
        id, address: nil, port: launched.forward.port)
      #expect(same.old == same.new)
    }
  }

  @Test("whose VPN gives no answer since its instance ended shows the end of the console, and leaves nothing")
  func ends() async throws {
    try await withSite { site in
      let folder = site.cloud.folder
      let launcher = try site.launcher { _ in throw CloudDouble.Refusal(call: "probe \(folder.components.count)") }
      let error = await #expect(throws: LaunchError.self) { try await launcher.launch(LaunchRequest(network("acme"))) }
      let said = text(of: error)
      #expect(said.contains("step 'answer'") && said.contains("  the last line of acme/default"))
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("that hangs and is interrupted leaves nothing", arguments: calls)
  func interrupted(call: String) async throws {
    try await withSite { site in
      let launcher = try site.launcher(faults: [call: .hang])
      let id = try network("acme")
      let task = Task { try await launcher.launch(LaunchRequest(id)) }
      // Its last call before the hang leaves a thing in the cloud.
      let expected = (Self.calls.firstIndex(of: call) ?? 0) + 1
      while try site.cloud.things.count < expected { try await Task.sleep(for: .milliseconds(5)) }
      task.cancel()
      await #expect(throws: (any Error).self) { try await task.value }
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("without an image says how to build one, and writes nothing")
  func noImage() async throws {
    try await withSite { site in
      try Folder.remove(site.out)
      let error = await #expect(throws: LaunchError.self) {
        try await site.launcher().launch(LaunchRequest(network("acme")))
      }
      #expect(text(of: error).contains("'cpbuild image'"))
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("asked for otherwise than the network is says so")
  func different() async throws {
    try await withSite { site in
      _ = try await site.launcher().launch(LaunchRequest(network("acme")))
      var request = try LaunchRequest(network("acme"))
      request.cidr = try IPv4Network("10.9.0.0/24")
      let wanted = request
      let error = await #expect(throws: LaunchError.self) { try await site.launcher().launch(wanted) }
      #expect(text(of: error).contains("CIDR 10.2.0.0/24, not 10.9.0.0/24"))
    }
  }

  @Test("beside seven others at the same moment gets a network, port and MAC address of its own")
  func atOnce() async throws {
    try await withSite { site in
      let launcher = try site.launcher()
      let ids = try (1...8).map { try network("p\($0)") }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for id in ids { group.addTask { _ = try await launcher.launch(LaunchRequest(id)) } }
        try await group.waitForAll()
      }
      for kind in ["network", "instance", "forward"] {
        #expect(Set(ids.compactMap { site.cloud.text(kind, $0) }).count == 8)
      }
    }
  }

  @Test("at the same moment as another of the same network boots it once")
  func sameAtOnce() async throws {
    try await withSite { site in
      let launcher = try site.launcher()
      let id = try network("acme")
      async let one = launcher.launch(LaunchRequest(id))
      async let other = launcher.launch(LaunchRequest(id))
      let both = try await [one, other]
      #expect(both.count { $0.wasRunning } == 1)
    }
  }

  @Test("of several networks goes on after one that fails, and says what became of each")
  func several() async throws {
    try await withSite { site in
      let ids = try ["one", "two", "three"].map { try network("acme", $0) }
      var requests = ids.map { LaunchRequest($0) }
      requests[1].flavor = "none such"
      let outcomes = try await site.launcher().launch(requests)
      #expect(outcomes.map(\.id) == ids)
      #expect(outcomes.map { (try? $0.result.get()) != nil } == [true, false, true])
      let launched = try await site.store.read { try $0.instances.all().map(\.id) }
      #expect(Set(launched) == [ids[0], ids[2]])
    }
  }

  @Test("of a second, routed network has a tunnel network, and shares key pair and group until the last one ends")
  func severalNetworks() async throws {
    try await withSite { site in
      let (first, second) = (try network("acme"), try network("acme", "lab"))
      _ = try await site.launcher().launch(LaunchRequest(first))
      var request = LaunchRequest(second)
      request.mode = .routed
      request.cidr6 = try IPv6Network("fd00:1::/64")
      _ = try await site.launcher().launch(request)
      let lab = try await site.store.read { try $0.networks.get(second) }
      #expect(lab.tunnelPool?.text == "172.17.0.0/24" && lab.tunnelPool6?.text.hasPrefix("fd") == true)
      try await site.launcher().terminate(first)
      let things = try site.cloud.things
      #expect(things.contains("key acme-vpn") && things.contains("group acme-vpn"))
      try await site.launcher().terminate(second)
      let remains = try await site.remains
      #expect(remains == [])
    }
  }
}
