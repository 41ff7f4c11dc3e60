import Foundation
import Glibc
import Host
import LaunchDoubles
import Launching
import Names
import State
import SystemPackage
import Testing

@Suite("A killed command") struct KillTests {
  struct Moment: Sendable, CustomTestStringConvertible {
    let call: String
    let fault: CloudDouble.Fault
    var testDescription: String { "\(fault) \(call)" }

    static func around(_ calls: [String]) -> [Moment] {
      calls.flatMap { [Moment(call: $0, fault: .killBefore), Moment(call: $0, fault: .killAfter)] }
    }
  }

  /// Runs a command in a process that `kill -9` ends.
  private func killed(_ verb: String, _ moment: Moment, at site: Site) throws {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let worker = tests.deletingLastPathComponent().appending(path: "LaunchWorker")
    let process = Process()
    process.executableURL = worker
    process.arguments = [site.folder.string, verb, "acme", moment.call, moment.fault.rawValue]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL)
  }

  @Test("launch is undone by the next command", arguments: Moment.around(LaunchTests.calls))
  func launch(moment: Moment) async throws {
    try await withSite { site in
      try killed("launch", moment, at: site)
      try await site.launcher().recover()
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("launch is no obstacle to the next launch", arguments: Moment.around(["makeNetwork", "publish"]))
  func launchAgain(moment: Moment) async throws {
    try await withSite { site in
      try killed("launch", moment, at: site)
      let launched = try await site.launcher().launch(LaunchRequest(network("acme")))
      #expect(!launched.wasRunning)
      #expect(site.cloud.text("forward", launched.id) == "192.0.2.7:20000 to 10.2.0.2")
    }
  }

  @Test(
    "terminate is finished by the next command",
    arguments: Moment.around([
      "unpublish", "removeInstance", "removeNetwork", "removeSecurityGroup", "removeKeyPair",
    ]))
  func terminate(moment: Moment) async throws {
    try await withSite { site in
      _ = try await site.launcher().launch(LaunchRequest(network("acme")))
      try killed("terminate", moment, at: site)
      try await site.launcher().recover()
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("restart is finished by the next command", arguments: Moment.around(["makeNetwork", "restart", "publish"]))
  func restart(moment: Moment) async throws {
    try await withSite { site in
      let launched = try await site.launcher().launch(LaunchRequest(network("acme")))
      try killed("restart", moment, at: site)
      try await site.launcher().recover()
      #expect(site.cloud.text("forward", launched.id) == "192.0.2.7:20000 to 10.2.0.2")
      let open = try await site.store.read { try $0.launches.allOpen() }
      #expect(open.isEmpty)
    }
  }

  @Test("change is finished by the next command", arguments: Moment.around(["publish"]))
  func change(moment: Moment) async throws {
    try await withSite { site in
      let launched = try await site.launcher().launch(LaunchRequest(network("acme")))
      try killed("change", moment, at: site)
      try await site.launcher().recover()
      #expect(site.cloud.text("forward", launched.id) == "192.0.2.7:30000 to 10.2.0.2")
    }
  }

  @Test("change that isn't finished in the time that there is goes on with the next command, and isn't taken for down")
  func slowChange() async throws {
    try await withSite { site in
      let launched = try await site.launcher().launch(LaunchRequest(network("acme")))
      try killed("change", Moment(call: "publish", fault: .killBefore), at: site)
      try await site.launcher(faults: ["publish": .hang]).recover(within: .seconds(2)) { _ in
        while site.cloud.text("forward", launched.id)?.contains(":30000") != true {
          try await Task.sleep(for: .milliseconds(5))
        }
      }
      let (open, state) = try await site.store.read { transaction in
        (try transaction.launches.allOpen().count, try transaction.instances.find(launched.id)?.state)
      }
      #expect(open == 1 && state == .pending)
      try await site.launcher().recover()
      #expect(site.cloud.text("forward", launched.id) == "192.0.2.7:30000 to 10.2.0.2")
      let left = try await site.store.read { try $0.launches.allOpen() }
      #expect(left.isEmpty)
    }
  }

  @Test("attach is finished by the next command, or undone where that fails", arguments: Moment.around(["attach"]))
  func attach(moment: Moment) async throws {
    try await withSite { site in
      let id = try await site.launcher().launch(LaunchRequest(network("acme"))).id
      try killed("attach", moment, at: site)
      try await site.launcher().recover()
      #expect(site.cloud.text("network", id) == "10.2.0.0/24 web=10.2.0.3")
      try await site.launcher().detach(MachineName("web"), from: id)
      try killed("attach", moment, at: site)
      try await site.launcher(faults: ["attach": .failure]).recover()
      #expect(site.cloud.text("network", id) == "10.2.0.0/24")
      let left = try await site.store.read { try $0.attachments.all(in: id) }
      #expect(left.isEmpty)
    }
  }

  @Test("detach is finished by the next command", arguments: Moment.around(["makeNetwork"]))
  func detach(moment: Moment) async throws {
    try await withSite { site in
      let id = try await site.launcher().launch(LaunchRequest(network("acme"))).id
      _ = try await site.launcher().attach(AttachRequest(MachineName("web"), to: id, port: .tap(user: nil)))
      try killed("detach", moment, at: site)
      try await site.launcher().recover()
      #expect(site.cloud.text("network", id) == "10.2.0.0/24")
      let left = try await site.store.read { try $0.addresses.all(in: id).filter { $0.role == .machine } }
      #expect(left.isEmpty)
    }
  }

  @Test("launch is left alone while its process lives")
  func alive() async throws {
    try await withSite { site in
      let launcher = try site.launcher(faults: ["boot": .hang])
      let id = try network("acme")
      let task = Task { try await launcher.launch(LaunchRequest(id)) }
      while site.cloud.text("instance", id) == nil { try await Task.sleep(for: .milliseconds(5)) }
      try await site.launcher().recover()
      #expect(site.cloud.text("instance", id) != nil)
      task.cancel()
      _ = await task.result
    }
  }

  @Test("restart that fails leaves the cloudpipe there and down, and the next one brings it back")
  func failedRestart() async throws {
    try await withSite { site in
      let id = try await site.launcher().launch(LaunchRequest(network("acme"))).id
      await #expect(throws: LaunchError.self) { try await site.launcher(faults: ["restart": .failure]).restart(id) }
      let after = try await site.store.read { try $0.instances.find(id)?.state }
      #expect(after == .down)
      _ = try await site.launcher().restart(id)
      let finally = try await site.store.read { try $0.instances.find(id)?.state }
      #expect(finally == .running)
    }
  }
}
