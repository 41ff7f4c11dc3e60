import Foundation
import Testing

private let refresh = "/usr/local/sbin/cloudpipe-refresh-crl"
private let report = "/usr/local/lib/cloudpipe/report"
private let remote = "192.0.2.1 4194"
private let routed = ["MODE": "routed", "POOL": "10.8.0.0/24"]

/// One after another: each runs several OpenVPN processes, and waits for them by the clock.
@Suite("a live session", .serialized, .ownThreads)
struct SessionTests {
  @Test("ends when its certificate has expired, and nobody else's does")
  func expiry() throws {
    for mode in [["MODE": "bridged"], routed] {
      try withVPN(mode) { project, payload throws in
        let device = mode["MODE"] == "bridged" ? "tap" : "tun"
        for user in ["bob", "dora"] { try payload.authority.make(user, issuer: "project") }
        try payload.authority.expire("dora", seconds: 60)
        let bob = try project.client(try payload.profile("bob", remote: remote, device: device))
        let dora = try project.client(try payload.profile("dora", remote: remote, device: device))
        for client in [bob, dora] { #expect(try client.connects(), "\(client.machine.read(client.log))") }
        let early = try project.guest.run("\(refresh) /etc/openvpn/server/crl.pem")
        #expect(early.succeeded && early.output == "crl 1 current\n", "\(early)")

        let serial = try payload.authority.serial("dora").drop { $0 == "0" }
        let line = try project.guest.check("\(report) | grep ' \(serial) '")
        let end = Int(line.split(separator: " ").dropFirst(3).first ?? "") ?? 0
        #expect(abs(Double(end) - Date().timeIntervalSince1970) < 70, "\(line)")

        #expect(try project.guest.wait(for: "[ $(date +%s) -gt \(end) ]", seconds: 70))
        let outcome = try project.guest.run("\(refresh) /etc/openvpn/server/crl.pem")
        #expect(outcome.succeeded && outcome.output == "crl 1 current\nended \(serial) expired dora\n", "\(outcome)")
        #expect(try dora.machine.wait(for: "! pgrep -x openvpn"), "dora's client goes on")
        #expect(try bob.isRunning() && bob.machine.wait(for: "busybox ping -c 1 -W 1 10.0.0.1"))
        #expect(!bob.machine.read(bob.log).contains("Restart"))
      }
    }
  }

  @Test("is refused in words to one client too many, and nobody else notices")
  func full() throws {
    for mode in [["MODE": "bridged"], routed] {
      try withVPN(mode.merging(["MAX_CLIENTS": "2"]) { $1 }) { project, payload throws in
        let device = mode["MODE"] == "bridged" ? "tap" : "tun"
        let users = ["alice", "bob", "carol"]
        for user in users { try payload.authority.make(user, issuer: "project") }
        let profiles = try users.map { try payload.profile($0, remote: remote, device: device) }
        let first = try profiles.prefix(2).map { try project.client($0) }
        for client in first { #expect(try client.connects(), "\(client.machine.read(client.log))") }
        let third = try project.client(profiles[2])
        #expect(!(try third.connects()))
        #expect(third.machine.read(third.log).contains("AUTH_FAILED"), "\(third.machine.read(third.log))")
        for client in first {
          #expect(try client.isRunning() && client.machine.wait(for: "busybox ping -c 1 -W 1 10.0.0.1"))
        }
        // Whoever leaves makes room, and who comes back is no third.
        try first[0].machine.check("pkill -x openvpn")
        #expect(try project.guest.wait(for: "[ $(ls /run/cloudpipe/sessions | wc -l) = 1 ]"))
        #expect(try project.client(profiles[1]).connects())
        #expect(try project.client(profiles[2]).connects())
      }
    }
  }

  @Test("carries IPv6 in routed mode, masqueraded like IPv4")
  func ipv6() throws {
    let settings = routed.merging(["POOL6": "fd00:8::/64", "ROUTES": "10.0.0.0/24,fd00:10::/64"]) { $1 }
    try withVPN(settings) { project, payload throws in
      try project.guest.check("ip address add fd00:10::2/64 dev br0 nodad")
      try project.gateway.check("ip address add fd00:10::1/64 dev net0 nodad")
      try payload.authority.make("alice", issuer: "project")
      let alice = try project.client(try payload.profile("alice", remote: remote, device: "tun"))
      #expect(try alice.connects(), "\(alice.machine.read(alice.log))")
      // Nobody has told the gateway of fd00:8::/64.
      #expect(try alice.machine.wait(for: "busybox ping6 -c 1 -W 1 fd00:10::1"))
      #expect(try alice.machine.check("ip -6 -o address show tun9").contains("fd00:8::1000/64"))
    }
  }

  @Test("is told of to the host, line by line")
  func reported() throws {
    try withVPN(routed) { project, payload throws in
      try project.guest.check("cloudpipe-refresh-crl /etc/openvpn/server/crl.pem")
      let empty = try project.guest.check(report).split(separator: "\n").map(String.init)
      #expect(empty.count == 3 && empty[0].hasPrefix("crl 1 ") && empty[1...] == ["vpn up", "end"], "\(empty)")

      try payload.authority.make("alice", issuer: "project", commonName: "Alice A.", serial: "0A00000000000001")
      let alice = try project.client(try payload.profile("alice", remote: remote, device: "tun"))
      #expect(try alice.connects())
      let lines = try project.guest.check(report).split(separator: "\n").map(String.init)
      #expect(lines.count == 4, "\(lines)")
      let form = #/session A00000000000001 \d+ \d+ \d+ \d+ (udp[46]:)?192\.0\.2\.11:\d+ 10\.8\.0\.2 Alice A\./#
      #expect(lines.dropFirst(2).first?.wholeMatch(of: form) != nil, "\(lines)")

      try project.guest.check("systemctl stop openvpn-server@server; rm -r /run/cloudpipe/crls")
      #expect(try project.guest.check(report) == "crl none\nvpn down\nend\n")
    }
  }

  @Test("ends at once when the host sends the new CRL along with its order")
  func pushed() throws {
    try withVPN(routed) { project, payload throws in
      for user in ["bob", "carol"] { try payload.authority.make(user, issuer: "project") }
      let clients = try ["bob", "carol"].map {
        try project.client(try payload.profile($0, remote: remote, device: "tun"))
      }
      for client in clients { #expect(try client.connects()) }
      try project.guest.copy(try payload.authority.crl("1B", revoked: ["carol"]), to: "/tmp/crl")
      let serial = try payload.authority.serial("carol").drop { $0 == "0" }
      let outcome = try project.guest.run("\(refresh) - </tmp/crl")
      #expect(outcome.succeeded && outcome.output == "crl 1B installed\nended \(serial) revoked carol\n", "\(outcome)")
      #expect(try clients[1].machine.wait(for: "! pgrep -x openvpn"))
      #expect(try clients[0].isRunning())
      // And says what it keeps, when it is sent something worse.
      let worse = try project.guest.run("echo nonsense | \(refresh) -")
      #expect(worse.status == 1, "\(worse)")
      #expect(worse.output.hasPrefix("crl 1B kept\ntrouble the CRL is not refreshed: CRL refused: "), "\(worse)")
    }
  }
}
