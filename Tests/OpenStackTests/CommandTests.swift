import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage
import Testing

extension OpenStackTests {
  /// The commands of a cloudpipe's life, as they are typed.
  @Suite struct CommandTests {
    private struct Place: Decodable {
      let publicAddress: String?
      let publicPort: Int?
      let state: String?
      let reason: String?
      let cloud: String?
      let address: String?
      let wasRunning: Bool?
    }

    @Test("an image is published, a cloudpipe launched, looked at, restarted, moved and terminated")
    func wholeLife() async throws {
      try await Tenant.with { tenant in
        try await CloudCommand.with { cpbuild in
          let settings = "clouds: {tests: {network: \(tenant.id.name), public: shared}}\n"
          try AtomicFile.write(settings, to: cpbuild.home.appending("cpbuild.yaml"))
          let project = tenant.id.project.text
          try await published(cpbuild)
          let launched = try await cpbuild.must("launch", project, "--cloud", "tests", "--no-wait", "--json").json(
            Place.self)
          #expect(launched.publicPort == 20000 && launched.address == tenant.cidr.address(at: 2)?.text)
          let again = try await cpbuild.must("launch", project, "--no-wait", "--json").json(Place.self)
          #expect(again.wasRunning == true)
          let listed = try await cpbuild.must("list", "--json").json([Place].self)
          #expect(listed.map(\.state) == ["pending"])
          let shown = try await cpbuild.must("show", project, "--json").json([Place].self)
          #expect(shown.map(\.cloud) == ["tests"] && shown.map(\.reason) == ["it is booting"])
          let log = try await cpbuild.must("log", project)
          #expect(log.stdout.contains("CONSOLE"))
          try await cpbuild.must("restart", project, "--no-wait")
          try await moved(cpbuild, project)
          try await users(cpbuild, project, at: "\(try #require(launched.publicAddress)) 20007")
          try await machines(cpbuild, project)
          let ended = try await cpbuild.must("terminate", project)
          #expect(ended.stdout == "terminated \(project)/default\n")
          let endedAgain = try await cpbuild.must("terminate", project)
          #expect(endedAgain.stdout == "\(project) has no cloudpipe\n")
          try await cpbuild.must("image", "retire", CloudCommand.image, "--cloud", "tests")
          let left = try await tenant.leftovers()
          #expect(left == [])
        }
      }
    }

    private func published(_ cpbuild: CloudCommand) async throws {
      struct Report: Decodable {
        let glanceID: String
        let existed: Bool
      }
      let first = try await cpbuild.must("image", "publish", "--cloud", "tests", "--json").json(Report.self)
      let second = try await cpbuild.must("image", "publish", "--cloud", "tests", "--json").json(Report.self)
      #expect(!first.existed && second.existed && first.glanceID == second.glanceID)
      let list = try await cpbuild.must("image", "list", "--cloud", "tests")
      #expect(list.stdout.contains(CloudCommand.image))
    }

    private func moved(_ cpbuild: CloudCommand, _ project: String) async throws {
      struct Report: Decodable {
        struct Place: Decodable { let port: Int }
        let old: Place
        let new: Place
      }
      let moved = try await cpbuild.must("change", project, "--port", "20007", "--json").json(Report.self)
      #expect(moved.old.port == 20000 && moved.new.port == 20007)
      let refused = try await cpbuild.run("change", project, "--ip", "192.0.2.1")
      #expect(refused.status != 0 && refused.stderr.contains("192.0.2.1"))
      let shown = try await cpbuild.must("show", project, "--json").json([Place].self)
      #expect(shown.map(\.publicPort) == [20007])
    }

    private func users(_ cpbuild: CloudCommand, _ project: String, at remote: String) async throws {
      let profile = try await cpbuild.must("user", "add", project, "alice")
      #expect(profile.stdout.contains("remote \(remote)"))
      let list = try await cpbuild.must("user", "list", project)
      #expect(list.stdout.contains("alice") && list.stderr.contains("do it on a machine in the network"))
      // It is revoked, though the cloudpipe can't be told.
      let revoked = try await cpbuild.run("user", "revoke", project, "alice")
      #expect(revoked.status == 1 && revoked.stdout.contains("do it on a machine in the network"))
      let after = try await cpbuild.must("user", "list", project)
      #expect(after.stdout.contains("revoked"))
      let shell = try await cpbuild.run("ssh", project)
      #expect(shell.status == 1 && shell.stderr.contains("can't reach the ssh"))
    }

    private func machines(_ cpbuild: CloudCommand, _ project: String) async throws {
      let refused = try await cpbuild.run("attach", project, "web", "--user", "1000")
      #expect(refused.status == 1 && refused.stderr.contains("boot them there in the cloudpipe's network"))
      let none = try await cpbuild.must("detach", project, "web")
      #expect(none.stdout == "\(project) has no machine web\n")
    }

    @Test("a launch that kill -9 ends at any request is finished or undone by the next command")
    func killed() async throws {
      try await CloudCommand.with { cpbuild in
        try await cpbuild.must("image", "publish", "--cloud", "tests")
        let changes = try await Tenant.with { tenant in
          try await FaultProxy.with { proxy in
            try proxy.planNothing()
            try await end(try cpbuild.start(launch(tenant), through: proxy))
            let requests = try proxy.requests
            try await cpbuild.must("terminate", tenant.id.project.text)
            return requests.enumerated().filter { !$1.hasPrefix("GET") && !$1.hasSuffix("/auth/tokens") }
          }
        }
        let kills = changes.enumerated().map { count, change in
          Kill(
            number: change.offset + 1, request: change.element, kind: count.isMultiple(of: 4) ? "hold" : "hold-after",
            isLaunchedAgain: count.isMultiple(of: 5))
        }
        try await Lanes.sweep(kills) { try await sweep($0) }
        try await cpbuild.must("image", "retire", CloudCommand.image, "--cloud", "tests")
      }
    }

    private struct Kill: Sendable {
      /// Which request of the launch it ends at.
      let number: Int
      let request: String
      /// Whether the service gets that (`fault_proxy.py`).
      let kind: String
      /// Whether the next command is the same one again, instead of any other.
      let isLaunchedAgain: Bool
    }

    private func sweep(_ kills: [Kill]) async throws {
      try await Tenant.with { tenant in
        try await CloudCommand.with { cpbuild in
          try await FaultProxy.with { proxy in
            for kill in kills {
              try proxy.plan(.one(kill.number), kill.kind)
              try await self.kill(try cpbuild.start(launch(tenant), through: proxy), at: proxy)
              if kill.isLaunchedAgain {
                try await cpbuild.must(launch(tenant))
                try await cpbuild.must("terminate", tenant.id.project.text)
              }
              // What takes longer than a command waits for, the next one goes on with.
              for _ in 0..<10 {
                guard try await cpbuild.must("list").stderr.contains("goes on with it") else { break }
              }
              let left = try await tenant.leftovers()
              #expect(left == [], "\(kill.kind) \(kill.request)")
            }
          }
        }
      }
    }

    private func launch(_ tenant: Tenant) -> [String] {
      ["launch", tenant.id.project.text, "--cloud", "tests", "--network", tenant.id.name.text, "--no-wait"]
    }

    private func end(_ process: Process) async throws {
      for _ in 0..<6000 where process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
      try #require(!process.isRunning && process.terminationStatus == 0)
    }

    private func kill(_ process: Process, at proxy: FaultProxy) async throws {
      for _ in 0..<6000 where process.isRunning && !proxy.isHolding { try await Task.sleep(for: .milliseconds(10)) }
      #expect(proxy.isHolding)
      Glibc.kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }
}
