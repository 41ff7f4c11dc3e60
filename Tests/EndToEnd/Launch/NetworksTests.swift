import Foundation
import Host
import SystemPackage
import Testing

extension Machines {
  /// Several networks, and several projects, on one host.
  @Suite("Networks")
  struct NetworksTests {
    @Test("of one project each have their own way in: one bridged, one routed with IPv6, DNS and a limit of five users")
    func ofOneProject() async throws {
      try await PlayedHost.with { host in
        try await host.must("launch", "acme", "--cidr", "10.20.0.0/24")
        try await host.must(
          "launch", "acme", "--network", "lab", "--mode", "routed", "--cidr", "10.21.0.0/24", "--cidr6", "fd21::/64",
          "--dns", "10.21.0.1")
        let first = try await host.web(in: "acme", says: "the first")
        let lab = try await host.web(in: "acme", "--network", "lab", says: "the lab")
        let (one, two) = (try await host.userMachine(1), try await host.userMachine(2))
        let (u1, u2) = (
          try await host.user("u1", of: "acme"), try await host.user("u2", of: "acme", "--network", "lab")
        )
        try await one.connected(u1) { _ in
          try await two.connected(u2) { _ in
            let seen = (try await one.fetch("http://\(first)/"), try await two.fetch("http://\(lab)/"))
            #expect(seen.0 == "the first" && seen.1 == "the lab")
            let across = (
              try await one.fetch("http://\(lab)/", seconds: 2), try await two.fetch("http://\(first)/", seconds: 2)
            )
            #expect(across.0 == nil && across.1 == nil, "a network is reached by the other one's users")
            let address = try await two.command(
              "ip", ["-6", "-o", "address", "show", "dev", "tun0", "scope", "global"]
            ).run()
            #expect(address.contains("inet6 fd"), "\(address)")
            let gateway = try await two.command("busybox", ["nslookup", "web.acme.internal", "10.21.0.1"]).output()
            #expect(gateway.stdout.contains(lab), "\(gateway)")
          }
        }
        try await takesFive(host, "lab", [two, one])
      }
    }

    /// Five may be in at once, and the sixth is told that there is no room.
    private func takesFive(_ host: PlayedHost, _ network: String, _ known: [UserMachine]) async throws {
      var machines = known
      for number in 3...6 { machines.append(try await host.userMachine(number)) }
      var profiles: [FilePath] = []
      for number in 1...6 { profiles.append(try await host.user("n\(number)", of: "acme", "--network", network)) }
      let (last, refused) = (machines.removeLast(), profiles.removeLast())
      // OpenVPN keeps the place of one who leaves for five seconds.
      for _ in 0..<60 where try await !host.json(ShownUsers.self, "user", "list", "acme").isDeserted {
        try await Task.sleep(for: .milliseconds(500))
      }
      try await connected(machines[...], profiles[...]) {
        let said = try await last.refused(refused)
        #expect(said.contains("AUTH_FAILED"), "\(said)")
      }
    }

    private func connected(
      _ machines: ArraySlice<UserMachine>, _ profiles: ArraySlice<FilePath>,
      _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
      guard let machine = machines.first, let profile = profiles.first else { return try await body() }
      try await machine.connected(profile) { _ in
        try await connected(machines.dropFirst(), profiles.dropFirst(), body)
      }
    }

    @Test("of two projects with the same addresses and user names have no path to one another")
    func ofTwoProjects() async throws {
      try await PlayedHost.with { host in
        var profiles: [FilePath] = []
        for project in ["one", "two"] {
          try await host.must("launch", project, "--cidr", "10.30.0.0/24")
          let address = try await host.web(in: project, "--address", "10.30.0.9", says: project)
          #expect(address == "10.30.0.9")
          profiles.append(try await host.user("ann", of: project))
        }
        let machines = [try await host.userMachine(1), try await host.userMachine(2)]
        try await connected(machines[...], profiles[...]) {
          for (machine, project) in zip(machines, ["one", "two"]) {
            let said = try await machine.fetch("http://10.30.0.9/")
            #expect(said == project)
          }
        }
        try await machines[0].refused(try await astray(profiles, host))
      }
    }

    /// The first project's profile, with the place of the second one's cloudpipe.
    private func astray(_ profiles: [FilePath], _ host: PlayedHost) async throws -> FilePath {
      let texts = try profiles.map { try String(contentsOfFile: $0.string, encoding: .utf8) }
      func remote(_ text: String) throws -> Substring {
        try #require(text.split(separator: "\n").first { $0.hasPrefix("remote ") })
      }
      let profile = host.folder.appending("astray.ovpn")
      let text = texts[0].replacing(try remote(texts[0]), with: try remote(texts[1]))
      try AtomicFile.write(text, to: profile, mode: 0o600)
      return profile
    }

    @Test("that are launched eight at the same moment have addresses and ports of their own, and all answer")
    func eightAtOnce() async throws {
      try await PlayedHost.with { host in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 1...8 { group.addTask { try await host.must("launch", "p\(number)") } }
          try await group.waitForAll()
        }
        var shown: [ShownCloudpipe] = []
        for number in 1...8 {
          // They boot on at the same time, on few processors.
          try await host.waitUntilItRuns("p\(number)")
          shown += try await host.show("p\(number)")
        }
        #expect(shown.count == 8 && shown.allSatisfy { $0.faults.isEmpty }, "\(shown)")
        for values in [shown.map(\.address), shown.map(\.mac), shown.map { "\($0.publicPort ?? 0)" }] {
          #expect(Set(values).count == 8, "\(values)")
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 1...8 { group.addTask { try await host.must("terminate", "p\(number)") } }
          try await group.waitForAll()
        }
        let remains = try await host.remains()
        #expect(remains == [])
      }
    }
  }
}
