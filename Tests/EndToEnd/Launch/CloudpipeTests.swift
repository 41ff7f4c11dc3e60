import Foundation
import Host
import SystemPackage
import Testing

extension Machines {
  /// What `cpbuild launch` makes, from the first command to the last.
  @Suite("A cloudpipe")
  struct CloudpipeTests {
    struct Shown: Decodable {
      struct Machine: Decodable {
        var name: String
        var address: String
      }
      var state: String?
      var reason: String?
      var faults: [String]
      var address: String
      var mac: String
      var publicAddress: String?
      var publicPort: Int?
    }
    struct Users: Decodable {
      struct User: Decodable {
        struct Session: Decodable {
          var remote: String
          var received: UInt64
        }
        var user: String
        var status: String
        var sessions: [Session]
      }
      var users: [User]
    }

    @Test("lets users into its project's network, and throws out the one who is revoked and nobody else")
    func life() async throws {
      try await PlayedHost.with { host in
        try await host.must("launch", "acme")
        let web = try await host.web(of: "acme")
        for user in ["u1", "u2"] {
          try await host.must("user", "add", "acme", user, "--out", host.profile(user).string)
        }
        let (one, two) = (try await host.userMachine(1), try await host.userMachine(2))
        let closed = try await one.fetch(web)
        #expect(closed == nil, "the project's network is open without the VPN")

        try await one.connected(host.profile("u1")) { first in
          try await two.connected(host.profile("u2")) { second in
            try await reach(web, [one, two])
            let users = try await host.json(Users.self, "user", "list", "acme").users
            #expect(users.map(\.user) == ["u1", "u2"] && users.allSatisfy { $0.sessions.count == 1 })
            let stolen = try await two.fetch("http://169.254.169.254/latest/user-data")
            #expect(stolen == nil, "a user got the payload")

            let begin = ContinuousClock.now
            let said = try await host.must("user", "revoke", "acme", "u1")
            #expect(said.contains("CRL 2 is in place, 1 sessions ended"), "\(said)")
            try await first.waits(for: "process exiting", seconds: 5)
            print("the revoked user's client ended \((ContinuousClock.now - begin) / .seconds(1)) s after the command")
            try await reach(web, [two])
            #expect(!second.text.contains("Connection reset") && !second.text.contains("process restarting"))
          }
        }
        try await one.refused(host.profile("u1"))
        try await restarts(host, two, web)
        try await ends(host)
      }
    }

    private func reach(_ url: String, _ machines: [UserMachine]) async throws {
      for machine in machines {
        let said = try await machine.fetch(url)
        #expect(said == PlayedHost.says)
      }
    }

    /// Address, port and certificates stay, so that the same profile leads in again.
    private func restarts(_ host: PlayedHost, _ user: UserMachine, _ web: String) async throws {
      let before = try #require(try await host.json([Shown].self, "show", "acme").first)
      #expect(before.state == "running" && before.faults.isEmpty)
      try await host.must("restart", "acme")
      let after = try #require(try await host.json([Shown].self, "show", "acme").first)
      #expect((after.address, after.mac) == (before.address, before.mac))
      #expect((after.publicAddress, after.publicPort) == (before.publicAddress, before.publicPort))
      try await user.connected(host.profile("u2")) { _ in try await reach(web, [user]) }
    }

    /// Nothing is left, and doing it again is fine.
    private func ends(_ host: PlayedHost) async throws {
      try await host.must("terminate", "acme")
      let left = try host.processes().map(\.name)
      #expect(left == [])
      let tables = try await host.command("nft", ["list", "tables"]).run()
      #expect(!tables.contains("cpbuild"))
      let links = try await host.command("ip", ["-brief", "link"]).run()
      #expect(!links.contains("cpb"), "\(links)")
      let again = try await host.must("terminate", "acme")
      #expect(again == "acme has no cloudpipe\n")
    }
  }
}

extension PlayedHost {
  func profile(_ user: String) -> FilePath { folder.appending("\(user).ovpn") }

  /// A machine with a web page in the project's network.
  ///
  /// - Returns: the page's URL.
  func web(of project: String) async throws -> String {
    let space = try await machine("web-\(project)")
    let network = networkSpaces
    try #require(network.count == 1)
    try await ip("-n", network[0], "link", "add", "web", "type", "veth", "peer", "name", "eth0", "netns", space)
    try await ip("-n", network[0], "link", "set", "web", "master", "project", "up")
    try await ip("-n", space, "address", "add", "10.1.0.9/24", "dev", "eth0")
    try await ip("-n", space, "link", "set", "eth0", "up")
    let page = folder.appending("web")
    try Folder.make(page)
    try AtomicFile.write(Self.says, to: page.appending("index.html"), mode: 0o644)
    // Ends with the test's process.
    let server = Command(
      "nsenter", ["--net=/run/netns/\(space)", "--", "python3", "-m", "http.server", "--directory", page.string, "80"])
    Task { try? await server.output() }
    return "http://10.1.0.9/"
  }
}
