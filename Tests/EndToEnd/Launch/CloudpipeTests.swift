import Foundation
import Host
import SystemPackage
import Testing

extension Machines {
  /// What `cpbuild launch` makes, from the first command to the last.
  @Suite("A cloudpipe")
  struct CloudpipeTests {
    @Test("lets users into its project's network, and throws out the one who is revoked and nobody else")
    func life() async throws {
      try await PlayedHost.with { host in
        try await host.must("launch", "acme")
        let web = "http://\(try await host.web(in: "acme"))/"
        let profiles = [try await host.user("u1", of: "acme"), try await host.user("u2", of: "acme")]
        let (one, two) = (try await host.userMachine(1), try await host.userMachine(2))
        let closed = try await one.fetch(web)
        #expect(closed == nil, "the project's network is open without the VPN")

        try await one.connected(profiles[0]) { first in
          try await two.connected(profiles[1]) { second in
            for machine in [one, two] {
              let said = try await machine.fetch(web)
              #expect(said == PlayedHost.says)
            }
            let users = try await host.json(ShownUsers.self, "user", "list", "acme").users
            #expect(users.map(\.user) == ["u1", "u2"] && users.allSatisfy { $0.sessions.count == 1 })
            let stolen = try await two.fetch("http://169.254.169.254/latest/user-data")
            #expect(stolen == nil, "a user got the payload")

            let begin = ContinuousClock.now
            let answer = try await host.must("user", "revoke", "acme", "u1")
            #expect(answer.contains("CRL 2 is in place, 1 session ended"), "\(answer)")
            try await first.waits(for: "process exiting", seconds: 5)
            print("the revoked user's client ended \((ContinuousClock.now - begin) / .seconds(1)) s after the command")
            let said = try await two.fetch(web)
            #expect(said == PlayedHost.says, "somebody else's session ended too")
            #expect(!second.text.contains("Connection reset") && !second.text.contains("process restarting"))
          }
        }
        try await one.refused(profiles[0])
        try await host.must("terminate", "acme")
        let remains = try await host.remains()
        #expect(remains == [])
        let again = try await host.must("terminate", "acme")
        #expect(again == "acme has no cloudpipe\n")
      }
    }

    @Test("throws out a user while the instance still boots")
    func revokedEarly() async throws {
      try await PlayedHost.with { host in
        try await host.must("launch", "acme")
        let (profile, user) = (try await host.user("u1", of: "acme"), try await host.userMachine(1))
        try await user.connected(profile) { client in
          let answer = try await host.must("user", "revoke", "acme", "u1")
          #expect(answer.contains("CRL 2 is in place, 1 session ended"), "\(answer)")
          try await client.waits(for: "process exiting", seconds: 5)
          let console = try await host.must("log", "acme")
          #expect(!console.contains("rc.local done"), "it had booted by then")
        }
        try await user.refused(profile)
      }
    }

    @Test("ends the session of a certificate that ends, and takes a renewed CRL while users are connected")
    func expiry() async throws {
      try await PlayedHost.with { host in
        try await host.must("launch", "acme")
        let machines = [try await host.userMachine(1), try await host.userMachine(2)]
        let stays = try await host.user("stays", of: "acme")
        // Until the instance has booted to its end, and takes orders.
        try await host.must("user", "list", "acme")
        let ends = try await host.user("ends", of: "acme", "--expires", "30s")
        try await machines[0].connected(stays) { first in
          try await machines[1].connected(ends) { second in
            try await host.must("crl", "renew", "acme")
            // Twice a minute the instance looks by itself, for CRLs and for who has to go.
            try await second.waits(for: "process exiting", seconds: 90)
            #expect(!first.text.contains("process restarting") && !first.text.contains("process exiting"))
          }
          let report = try await host.must("ssh", "acme", "--", "doas /usr/local/lib/cloudpipe/report")
          #expect(report.hasPrefix("crl 2 "), "\(report)")
          // In the place of the sshd that was started before it.
          let units = try await host.must("ssh", "acme", "--", "doas systemctl is-active ssh openvpn-server@server")
          #expect(units == "active\nactive\n")
        }
        try await machines[1].refused(ends)
      }
    }

    /// Address, port and certificates stay, so that the same profile leads in again: after a restart, after one of the
    /// instance's own, and after the host lost all that it ran.
    @Test("comes back at the same place after a restart, its own reboot, and the host's")
    func comesBack() async throws {
      try await PlayedHost.with { host in
        try await host.must("launch", "acme")
        let web = try await host.web(in: "acme")
        let (profile, user) = (try await host.user("u1", of: "acme"), try await host.userMachine(1))
        let before = try #require(try await host.show("acme").first)
        #expect(before.state == "running" && before.faults.isEmpty, "\(before)")

        try await host.must("restart", "acme", "--no-wait")
        let again = try await host.must("launch", "acme")
        #expect(again.contains("acme/default's cloudpipe runs already; its VPN answers at"))
        try await isBack(host, before, user, profile, web)

        // Only then does the instance's init take orders.
        try await host.waits(for: "rc.local done", of: "acme")
        // Whether ssh sees the end of the command before the instance's own is luck.
        _ = try await host.cpbuild(["ssh", "acme", "--", "doas systemctl --no-block start reboot.target"])
        try await host.waits(for: "Linux version", times: 2, of: "acme")
        try await host.waitUntilItRuns("acme")
        try await isBack(host, before, user, profile, web)

        try await host.losePower()
        let down = try #require(try await host.show("acme").first)
        #expect(down.state == "down" && down.reason != nil)
        try await host.must("launch", "--all")
        try await isBack(host, before, user, profile, web)
      }
    }

    private func isBack(
      _ host: PlayedHost, _ before: ShownCloudpipe, _ user: UserMachine, _ profile: FilePath, _ web: String
    ) async throws {
      let after = try #require(try await host.show("acme").first)
      #expect(after.state == "running" && after.faults.isEmpty, "\(after)")
      #expect((after.address, after.mac) == (before.address, before.mac))
      #expect((after.publicAddress, after.publicPort) == (before.publicAddress, before.publicPort))
      try await user.connected(profile) { _ in
        let said = try await user.fetch("http://\(web)/")
        #expect(said == PlayedHost.says)
      }
    }

    @Test("moves to another address and port, and says whose profiles lead nowhere now")
    func moves() async throws {
      struct Change: Decodable {
        struct Place: Decodable {
          var address: String
          var port: Int
        }
        var new: Place
        var stale: [String]
      }
      try await PlayedHost.with { host in
        try await host.must("launch", "acme", "--public-ip", PlayedHost.address)
        let (profile, user) = (try await host.user("u1", of: "acme"), try await host.userMachine(1))
        let change = try await host.json(
          Change.self, "change", "acme", "--ip", PlayedHost.otherAddress, "--port", "23456")
        #expect(change.new.address == PlayedHost.otherAddress && change.new.port == 23456 && change.stale == ["u1"])
        try await user.refused(profile)
        let renewed = try await host.user("u1", of: "acme", "--renew")
        try await user.connected(renewed) { _ in }
      }
    }
  }
}
