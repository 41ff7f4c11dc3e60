import Foundation
import Testing

private let refresh = "/usr/local/sbin/cloudpipe-refresh-crl"
private let remote = "192.0.2.1 4194"

/// One after another: each runs several OpenVPN processes, and waits for them by the clock.
@Suite("a running cloudpipe", .serialized, .ownThreads)
struct VPNTests {
  @Test("carries a bridged client into the project's network, and lets none of it reach the metadata service")
  func bridged() throws {
    try withVPN(["MODE": "bridged"]) { project, payload throws in
      try payload.authority.make("alice", issuer: "project")
      let alice = try project.client(try payload.profile("alice", remote: remote, device: "tap"))
      #expect(try alice.connects(), "\(alice.machine.read(alice.log)) \(project.guest.read("/tmp/openvpn.log"))")
      #expect(try alice.machine.check("ip -4 -o address show tap9").contains("10.0.0.25"))
      #expect(try alice.machine.wait(for: "busybox ping -c 1 -W 1 10.0.0.1"))
      #expect(try alice.canGet("http://10.0.0.1/latest/user-data"), "the web server isn't reached at all")
      // The cloudpipe itself gets its payload.
      #expect(try project.guest.run("wget -q -O - http://169.254.169.254/latest/user-data").output == "payload\n")

      for route in ["dev tap9", "via 10.0.0.1", "via 10.0.0.2"] {
        try alice.machine.check("ip route replace 169.254.169.254/32 \(route)")
        #expect(!(try alice.canGet("http://169.254.169.254/latest/user-data")), "\(route)")
      }
      try alice.machine.check("ip route del 169.254.169.254/32")
      // It is the firewall that does it.
      try project.guest.check("nft flush ruleset")
      try alice.machine.check("ip route replace 169.254.169.254/32 dev tap9")
      #expect(try alice.canGet("http://169.254.169.254/latest/user-data"))
    }
  }

  @Test("does not let a bridged client pass itself off as the gateway")
  func spoofing() throws {
    try withVPN(["MODE": "bridged"]) { project, payload throws in
      try payload.authority.make("mallory", issuer: "project")
      let mallory = try project.client(try payload.profile("mallory", remote: remote, device: "tap"))
      #expect(try mallory.connects())
      #expect(try project.guest.run("busybox ping -c 1 -W 1 10.0.0.1").succeeded)
      let neighbour = try project.guest.check("ip neigh show 10.0.0.1 dev br0 | cut -d' ' -f3")

      // With its address, and then with its MAC address too.
      try mallory.machine.check("ip address add 10.0.0.1/32 dev tap9")
      _ = try mallory.machine.run("busybox arping -U -c 2 -I tap9 10.0.0.1")
      _ = try mallory.machine.run("busybox arping -A -c 2 -I tap9 10.0.0.1")
      #expect(try project.guest.check("ip neigh show 10.0.0.1 dev br0 | cut -d' ' -f3") == neighbour)
      try mallory.machine.check("ip link set tap9 address \(neighbour.trimmingCharacters(in: .whitespacesAndNewlines))")
      _ = try mallory.machine.run("busybox ping -c 2 -W 1 10.0.0.77")
      #expect(try project.guest.run("busybox ping -c 1 -W 1 10.0.0.1").succeeded)
      #expect(
        !(try project.guest.check("bridge fdb show dev tap0").contains(
          neighbour.trimmingCharacters(in: .whitespacesAndNewlines))))
    }
  }

  @Test("carries a routed client into the project's network under its own address, and not to the metadata service")
  func routed() throws {
    try withVPN(["MODE": "routed", "POOL": "10.8.0.0/24", "DNS": "10.0.0.1"]) { project, payload throws in
      try payload.authority.make("alice", issuer: "project")
      let alice = try project.client(try payload.profile("alice", remote: remote, device: "tun"))
      #expect(try alice.connects(), "\(alice.machine.read(alice.log)) \(project.guest.read("/tmp/openvpn.log"))")
      #expect(try alice.machine.check("ip -4 -o address show tun9").contains("10.8.0.2/24"))
      #expect(try alice.machine.wait(for: "busybox ping -c 1 -W 1 10.0.0.1"))
      #expect(try alice.canGet("http://10.0.0.1/latest/user-data"))
      #expect(project.gateway.read(project.gateway.scratch.path("web.log")).contains("10.0.0.2 - "))

      try alice.machine.check("ip route replace 169.254.169.254/32 dev tun9")
      #expect(!(try alice.canGet("http://169.254.169.254/latest/user-data")))
      try project.guest.check(
        "nft delete table inet cloudpipe; nft add table ip n; nft 'add chain ip n p { type nat hook postrouting priority 100; }'; nft add rule ip n p masquerade"
      )
      #expect(try alice.canGet("http://169.254.169.254/latest/user-data"), "it is not the firewall that refuses")
    }
  }

  @Test("answers from inside on ssh's port alone, and from outside on the VPN's alone")
  func firewall() throws {
    try withVPN(["MODE": "routed", "POOL": "10.8.0.0/24"]) { project, payload throws in
      for port in ["22", "2222"] { try project.guest.start("nc -lk \(port)", log: "/tmp/nc\(port)") }
      #expect(try project.guest.wait(for: "[ $(ss -Hltn | grep -c '22 ') -ge 2 ]"))
      #expect(try project.gateway.run("nc -z -w 2 10.0.0.2 22").succeeded)
      #expect(!(try project.gateway.run("nc -z -w 2 10.0.0.2 2222").succeeded))
      #expect(try project.gateway.run("busybox ping -c 1 -W 1 10.0.0.2").succeeded)
      #expect(!(try project.gateway.run("nc -z -w 2 -s 192.0.2.1 10.0.0.2 22").succeeded))

      try payload.authority.make("alice", issuer: "project")
      let alice = try project.client(try payload.profile("alice", remote: remote, device: "tun"))
      #expect(try alice.connects())
      #expect(try alice.machine.run("nc -z -w 2 10.8.0.1 22").succeeded)
      #expect(!(try alice.machine.run("nc -z -w 2 10.8.0.1 2222").succeeded))
    }
  }

  @Test("ends a revoked user's live session within one refresh, and no bystander's, not even of the same name")
  func revocation() throws {
    for mode in [["MODE": "bridged"], ["MODE": "routed", "POOL": "10.8.0.0/24"]] {
      try withVPN(mode) { project, payload throws in
        let device = mode["MODE"] == "bridged" ? "tap" : "tun"
        let authority = payload.authority
        try authority.make("carol", issuer: "project", serial: "0A00000000000001")
        try authority.make("bob", issuer: "project", serial: "8A00000000000001")
        // Alice lost her first certificate and has another one to the same name.
        try authority.make("alice1", issuer: "project", commonName: "alice")
        try authority.make("alice2", issuer: "project", commonName: "alice")
        let users = ["carol", "bob", "alice2"]
        let clients = try users.map { try project.client(try payload.profile($0, remote: remote, device: device)) }
        for client in clients { #expect(try client.connects(), "\(client.machine.read(client.log))") }
        #expect(try project.guest.check("ls /run/cloudpipe/sessions | wc -l") == "3\n")

        try project.guest.copy(try authority.crl("02", revoked: ["carol", "alice1"]), to: "/tmp/crl")
        let outcome = try project.guest.run("\(refresh) /tmp/crl")
        #expect(outcome.succeeded, "\(outcome) \(project.guest.read("/dev/console"))")
        let console = project.guest.read("/dev/console")
        #expect(console.contains("ended the session of the revoked certificate A00000000000001"), "\(console)")
        #expect(console.components(separatedBy: "ended the session").count == 2, "\(console)")

        #expect(try clients[0].machine.wait(for: "! pgrep -x openvpn"), "carol's client goes on")
        for (user, client) in zip(users, clients).dropFirst() {
          #expect(try client.isRunning(), "\(user)")
          #expect(try client.machine.wait(for: "busybox ping -c 1 -W 1 10.0.0.1"), "\(user)")
          #expect(!client.machine.read(client.log).contains("Restart"), "\(user)")
        }
        #expect(try project.guest.wait(for: "[ $(ls /run/cloudpipe/sessions | wc -l) = 2 ]"))

        // And she doesn't get in again.
        let again = try project.client(try payload.profile("carol", remote: remote, device: device))
        #expect(try again.isRefused(by: project.guest, saying: "error=certificate revoked"))
        #expect(try project.guest.run(refresh + " /tmp/crl").succeeded)
        #expect(try clients[1].isRunning() && clients[2].isRunning())
      }
    }
  }

  @Test("ends a session that slipped in while the CRL was installed, in the next run")
  func slippedIn() throws {
    try withVPN(["MODE": "routed", "POOL": "10.8.0.0/24"]) { project, payload throws in
      try payload.authority.make("carol", issuer: "project")
      let carol = try project.client(try payload.profile("carol", remote: remote, device: "tun"))
      #expect(try carol.connects())
      // The CRL is there, and nobody has looked at the sessions.
      try project.guest.copy(try payload.authority.crl("02", revoked: ["carol"]), to: "/etc/openvpn/server/crl.pem")
      try project.guest.copy("\(try payload.authority.crl("02"))", to: "/tmp/same")
      #expect(try project.guest.run("\(refresh) /tmp/same").succeeded)
      #expect(try carol.machine.wait(for: "! pgrep -x openvpn"))
    }
  }

  @Test("refuses the users of other projects, users of the root CA, servers as clients, and clients without a key")
  func strangers() throws {
    try withVPN(["MODE": "routed", "POOL": "10.8.0.0/24"]) { project, payload throws in
      let authority = payload.authority
      try authority.make("other", issuer: "root", extensions: "ca")
      try authority.make("eve", issuer: "other")
      try authority.make("rooted", issuer: "root")
      let strangers: [(String, [String], String)] = [
        ("eve", ["other"], "depth=1, error=unable to get local issuer"),
        ("rooted", [], "depth=0, error=unable to get local issuer"),
        ("server", [], "unsuitable certificate purpose"),
      ]
      for (user, chain, reason) in strangers {
        let client = try project.client(try payload.profile(user, remote: remote, device: "tun", chain: chain))
        #expect(try client.isRefused(by: project.guest, saying: reason), "\(user)")
      }
      try authority.make("alice", issuer: "project")
      let keyless = try payload.profile("alice", remote: remote, device: "tun").components(
        separatedBy: "<tls-crypt-v2>")[0]
      #expect(!(try project.client(keyless).connects(within: 15)))
      #expect(try project.client(try payload.profile("alice", remote: remote, device: "tun")).connects())
    }
  }

  @Test("stops without a failure, and starts again")
  func restart() throws {
    for mode in [["MODE": "bridged"], ["MODE": "routed", "POOL": "10.8.0.0/24"]] {
      try withVPN(mode) { project, _ throws in
        try project.guest.check("systemctl stop openvpn-server@server")
        let log = project.guest.read("/tmp/openvpn.log")
        #expect(log.contains("/etc/openvpn/down.sh") && log.contains("process exiting"), "\(log)")
        #expect(!log.contains("script failed") && !log.contains("fork/exec"), "\(log)")
        try project.guest.check("systemctl restart openvpn-server@server")
        // down.sh also has nothing to complain about when the device is gone for good.
        try project.guest.check(
          "sh /etc/openvpn/down.sh nosuch0 1500 0 init && sh /etc/openvpn/down.sh tapnosuch 1500 0 init")
      }
    }
  }
}
