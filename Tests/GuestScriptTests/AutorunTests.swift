import Foundation
import OpenVPNVersions
import Testing

/// A guest with br0 at 10.0.0.2/24, and a payload; `run` unpacks it afresh and runs its autorun.sh.
private func withAutorun(
  _ settings: [String: String], address: String = "10.0.0.2/24",
  _ body: (Namespace, TestPayload, (_ change: [String: String]) throws -> Outcome) throws -> Void
) throws {
  let payload = try TestPayload(settings)
  defer { payload.remove() }
  let crl = try payload.authority.crl("01")
  try withGuest { guest throws in
    try guest.check(
      "ip link add br0 type bridge; ip address add \(address) dev br0; ip link set br0 up; ip route add default via 10.0.0.1 || :"
    )
    try body(guest, payload) { change in
      var changed = payload
      changed.settings.merge(change) { $1 }
      try guest.check("rm -rf /tmp/payload")
      try changed.write(to: "/tmp/payload", in: guest, crl: crl)
      return try guest.run("cd /tmp/payload && sh ./autorun.sh")
    }
  }
}

private let configuration = "/etc/openvpn/server/server.conf"

/// Every supported OpenVPN takes what was written, with what it includes.
private func expectUsable(_ text: String) throws {
  let common = try Repository.text(of: "/etc/openvpn/server.conf.common")
  // What only clients ask for; and a bridge has no topology.
  let irrelevant = ["connect-retry", "nobind"] + (text.contains("dev-type tap") ? ["topology"] : [])
  let complaints = OpenVPNConfiguration(common + text).complaints(irrelevant: Set(irrelevant))
  #expect(complaints.isEmpty)
}

@Suite("autorun.sh", .ownThreads)
struct AutorunTests {
  @Test("starts a bridged VPN with addresses at the top of the subnet when the settings leave them open")
  func bridged() throws {
    try withAutorun(["MODE": "bridged"]) { guest, _, run throws in
      let outcome = try run([:])
      #expect(outcome.succeeded, "\(outcome) \(guest.read("/tmp/openvpn.log"))")
      #expect(outcome.output == "OpenVPN is up: bridged, port 1194/udp\n")
      let text = guest.read(configuration)
      try expectUsable(text)
      #expect(text.contains("\nserver-bridge 10.0.0.2 255.255.255.0 10.0.0.250 10.0.0.254\n"), "\(text)")
      for word in ["VPN_IP", "DHCP_SUBNET", "DHCP_LOWER", "DHCP_UPPER", "duplicate-cn", "comp-lzo", "compress "] {
        #expect(!text.contains(word), "\(word)")
      }
      #expect(try guest.run("ip -o link show master br0 | grep -q tap0").succeeded)
      #expect(guest.read("/tmp/systemctl.log").contains("restart openvpn-server@server"))
      // Root is gone, and so are the keys' copies.
      #expect(try guest.check("ps -o user= -p $(cat /tmp/openvpn.pid)").hasPrefix("cloudpi"))
      #expect(try guest.run("ls /tmp/payload/server.key /tmp/payload/tls-crypt-v2.key").status == 2)
      #expect(
        try guest.check("cd /etc/openvpn/server && stat -c '%n %a %U' *.key")
          == "server.key 600 root\ntls-crypt-v2.key 600 root\n")
      let log = guest.read("/tmp/openvpn.log")
      #expect(!log.contains("DEPRECATED") && !log.contains("ERROR"), "\(log)")
    }
  }

  @Test("prefers the cipher that the processor is fast at", arguments: [true, false])
  func ciphers(hasAES: Bool) throws {
    try withAutorun(["MODE": "bridged"]) { guest, _, run throws in
      let flags = "fpu\(hasAES ? " aes" : "") vaes sse2"
      try guest.check(
        "printf 'model name\\t: any\\nflags\\t\\t: \(flags)\\n' >/tmp/cpuinfo; mount -o bind /tmp/cpuinfo /proc/cpuinfo"
      )
      let outcome = try run([:])
      #expect(outcome.succeeded, "\(outcome) \(guest.read("/tmp/openvpn.log"))")
      let text = guest.read(configuration)
      try expectUsable(text)
      #expect(text.contains("\ndata-ciphers CHACHA20-POLY1305:AES-256-GCM:AES-128-GCM\n") != hasAES, "\(text)")
    }
  }

  @Test("starts a routed VPN with pool, routes, DNS and a firewall")
  func routed() throws {
    let settings = [
      "MODE": "routed", "POOL": "10.8.0.0/24", "POOL6": "fd00:8::/64", "ROUTES": "10.0.0.0/24, 10.9.0.0/16,fd00:9::/64",
      "DNS": "10.0.0.1,fd00::1", "DNS_DOMAIN": "acme.internal", "PORT": "1195", "MAX_CLIENTS": "40",
    ]
    try withAutorun(settings) { guest, _, run throws in
      let outcome = try run([:])
      #expect(outcome.succeeded, "\(outcome) \(guest.read("/tmp/openvpn.log"))")
      let text = guest.read(configuration)
      try expectUsable(text)
      let lines = Set(text.split(separator: "\n").map(String.init))
      let wanted = [
        "server 10.8.0.0 255.255.255.0", "server-ipv6 fd00:8::/64", "push \"route 10.0.0.0 255.255.255.0\"",
        "push \"route 10.9.0.0 255.255.0.0\"", "push \"route-ipv6 fd00:9::/64\"", "push \"dhcp-option DNS 10.0.0.1\"",
        "push \"dhcp-option DNS fd00::1\"", "push \"dhcp-option DOMAIN acme.internal\"", "port 1195",
        "setenv MAX_CLIENTS 40",
        "topology subnet",
      ]
      #expect(lines.isSuperset(of: wanted), "\(lines)")
      let rules = try guest.check("nft list ruleset")
      #expect(rules.contains("udp dport 1195 accept") && rules.contains("masquerade"), "\(rules)")
      #expect(try guest.check("cat /proc/sys/net/ipv4/ip_forward") == "1\n")
    }
  }

  @Test("changes nothing and restarts nothing the second time, and restarts for a new setting")
  func idempotent() throws {
    for mode in [["MODE": "bridged"], ["MODE": "routed", "POOL": "10.8.0.0/24"]] {
      try withAutorun(mode) { guest, _, run throws in
        #expect(try run([:]).succeeded)
        let state = """
          cd /etc && find openvpn cloudpipe -type f -exec stat -c '%n %i %Y' {} + | sort
          cat /tmp/openvpn.pid; nft list ruleset; ip -o link | wc -l
          """
        let before = try guest.check(state)
        let again = try run([:])
        #expect(again.succeeded, "\(again)")
        #expect(try guest.check(state) == before)
        #expect(guest.read("/tmp/systemctl.log").components(separatedBy: "restart").count == 2)
        #expect(try run(["PORT": "1200"]).succeeded)
        #expect(guest.read("/tmp/systemctl.log").components(separatedBy: "restart").count == 3)
      }
    }
  }

  @Test("changes from one mode to the other")
  func changesMode() throws {
    try withAutorun(["MODE": "bridged", "POOL": "10.8.0.0/24"]) { guest, _, run throws in
      #expect(try run([:]).succeeded)
      #expect(try run(["MODE": "routed"]).succeeded)
      #expect(!(try guest.check("nft list ruleset").contains("table bridge")))
      #expect(try run([:]).succeeded)
      #expect(try guest.check("nft list ruleset").contains("table bridge"))
      #expect(!(try guest.check("nft list ruleset").contains("masquerade")))
    }
  }

  @Test("starts the VPN again after a reboot, with the newer of the payload's and the installed CRL")
  func reboot() throws {
    try withAutorun(["MODE": "bridged"]) { guest, payload, run throws in
      #expect(try run([:]).succeeded)
      try guest.copy(try payload.authority.crl("05"), to: "/tmp/newer")
      #expect(try guest.run("/usr/local/sbin/cloudpipe-refresh-crl /tmp/newer").succeeded)
      try guest.check(
        "systemctl stop openvpn-server@server; ip link delete tap0; nft flush ruleset; rm -rf /run/cloudpipe /run/openvpn-server"
      )
      let outcome = try run([:])
      #expect(outcome.succeeded, "\(outcome)")
      #expect(try guest.check("openssl crl -in /etc/openvpn/server/crl.pem -noout -crlnumber") == "crlNumber=0x05\n")
    }
  }

  @Test("computes the clients' addresses for small, odd and wholly given subnets")
  func ranges() throws {
    let cases: [(String, [String: String], String)] = [
      ("10.0.0.2/29", [:], "10.0.0.2 255.255.255.248 10.0.0.3 10.0.0.6"),
      ("10.0.0.2/28", ["MAX_CLIENTS": "3"], "10.0.0.2 255.255.255.240 10.0.0.12 10.0.0.14"),
      ("10.0.0.200/25", ["MAX_CLIENTS": "100"], "10.0.0.200 255.255.255.128 10.0.0.201 10.0.0.254"),
      ("10.0.0.2/22", [:], "10.0.0.2 255.255.252.0 10.0.3.250 10.0.3.254"),
      (
        "10.0.0.2/24", ["DHCP_LOWER": "10.0.0.100", "DHCP_UPPER": "10.0.0.120"],
        "10.0.0.2 255.255.255.0 10.0.0.100 10.0.0.120"
      ),
      ("10.0.0.2/24", ["DHCP_UPPER": "10.0.0.20"], "10.0.0.2 255.255.255.0 10.0.0.16 10.0.0.20"),
      (
        "10.0.0.2/24", ["VPN_IP": "192.168.7.2", "DHCP_SUBNET": "255.255.0.0"],
        "192.168.7.2 255.255.0.0 192.168.255.250 192.168.255.254"
      ),
    ]
    for (address, settings, expected) in cases {
      try withAutorun(["MODE": "bridged"].merging(settings) { $1 }, address: address) { guest, _, run throws in
        let outcome = try run([:])
        #expect(outcome.succeeded, "\(expected): \(outcome)")
        #expect(guest.read(configuration).contains("\nserver-bridge \(expected)\n"), "\(guest.read(configuration))")
      }
    }
  }

  @Test("refuses bad settings by name, and leaves the running VPN as it is")
  func refusals() throws {
    let refused: [([String: String], String)] = [
      (["MODE": "sideways"], "MODE=sideways"), (["MODE": ""], "MODE="), (["PORT": "0"], "PORT=0"),
      (["PORT": "65536"], "PORT=65536"), (["PORT": "1194 x"], "PORT="), (["MAX_CLIENTS": "-1"], "MAX_CLIENTS=-1"),
      (["VPN_IP": "10.0.0.256"], "VPN_IP"), (["VPN_IP": "10.0.0"], "VPN_IP"),
      (["DHCP_SUBNET": "255.0.255.0"], "no netmask"),
      (["DHCP_LOWER": "10.0.1.5"], "no room"), (["DHCP_LOWER": "10.0.0.254", "DHCP_UPPER": "10.0.0.250"], "no room"),
      (["DHCP_UPPER": "10.0.0.255"], "no room"),
      (["DHCP_LOWER": "10.0.0.1", "DHCP_UPPER": "10.0.0.9"], "one of the clients'"),
      (["ROUTES": "10.0.0.0"], "ROUTES"), (["ROUTES": "10.0.0.0/33"], "ROUTES"), (["DNS": "ns.acme"], "DNS=ns.acme"),
      (["DNS_DOMAIN": "a b"], "DNS_DOMAIN"), (["MODE": "routed"], "POOL="),
      (["MODE": "routed", "POOL": "10.8.0.0/30"], "POOL"),
      (["MODE": "routed", "POOL": "10.8.0.0/24", "POOL6": "fd00::/48"], "POOL6"),
      (["PROJECT": "acme\"; id"], "not KEY=VALUE"), (["PROJECT": "$(id)"], "not KEY=VALUE"),
      (["PROJECT": "a\nMODE=routed"], "MODE twice"), (["PROJECT": "a\r"], "not KEY=VALUE"),
    ]
    try withAutorun(["MODE": "bridged"]) { guest, _, run throws in
      #expect(try run([:]).succeeded)
      let state =
        "find /etc/openvpn /etc/cloudpipe -type f -exec stat -c '%n %i %Y' {} + | sort; cat /tmp/openvpn.pid; nft list ruleset"
      let before = try guest.check(state)
      for (change, reason) in refused {
        let outcome = try run(change)
        #expect(outcome.status == 1, "\(change): \(outcome)")
        #expect(outcome.output.contains(reason), "\(change): \(outcome)")
        #expect(try guest.check(state) == before, "\(change)")
        #expect(try guest.run("ls /tmp/payload/server.key").status == 2)
      }
    }
  }

  @Test("ignores settings that it doesn't know, and needs every file")
  func unknownAndMissing() throws {
    try withAutorun(["MODE": "bridged", "FUTURE_KEY": "x,y"]) { guest, payload, run throws in
      #expect(try run([:]).succeeded)
      let crl = try payload.authority.crl("01")
      for file in ["ca.crt", "server.crt", "server.key", "crl.pem", "tls-crypt-v2.key", "settings"] {
        try payload.write(to: "/tmp/payload", in: guest, crl: crl)
        let outcome = try guest.run("cd /tmp/payload && rm \(file) && sh ./autorun.sh")
        #expect(outcome.status == 1 && outcome.output.contains("the payload has no \(file)"), "\(file): \(outcome)")
      }
    }
  }

  @Test("takes the first CRL as it is while the payload vouches for it, and has every other one checked")
  func vouchedCRL() throws {
    try withAutorun(["MODE": "bridged"]) { guest, payload, _ throws in
      let stranger = try Authority()
      defer { stranger.remove() }
      func run(until: String, _ crl: String) throws -> Outcome {
        var vouched = payload
        vouched.settings["CRL_UNTIL"] = until
        try guest.check("rm -rf /tmp/payload")
        try vouched.write(to: "/tmp/payload", in: guest, crl: crl)
        return try guest.run("cd /tmp/payload && sh ./autorun.sh")
      }
      let installed = "/etc/openvpn/server/crl.pem"
      let now = Int(Date().timeIntervalSince1970)
      let strange = try stranger.crl("09")
      let past = try run(until: "\(now - 1)", strange)
      #expect(past.status == 1 && past.output.contains("no CRL that can be used"), "\(past)")
      #expect(guest.read(installed) == "")
      let crl = try payload.authority.crl("01")
      let vouched = try run(until: "\(now + 600)", crl)
      #expect(vouched.succeeded, "\(vouched)")
      #expect(try guest.read(installed) == String(contentsOfFile: crl, encoding: .utf8))
      // Whatever is said of another one, there is one to compare with now.
      let second = try run(until: "\(now + 600)", strange)
      #expect(second.succeeded, "\(second)")
      #expect(try guest.read(installed) == String(contentsOfFile: crl, encoding: .utf8))
    }
  }

  @Test("does not start a VPN without a CRL that can be used, or without a lease, or that OpenVPN refuses")
  func failures() throws {
    try withAutorun(["MODE": "bridged"]) { guest, payload, run throws in
      try payload.write(to: "/tmp/payload", in: guest, crl: try payload.authority.crl("01", from: -7200, to: -60))
      // No CRL_URL and no metadata service: the fall-back takes its 20 s.
      let expired = try guest.run("cd /tmp/payload && sh ./autorun.sh")
      #expect(expired.status == 1 && expired.output.contains("no CRL that can be used"), "\(expired)")
      var absent = payload
      absent.settings["CRL_URL"] = "http://10.0.0.1/crl.pem"
      try absent.write(to: "/tmp/payload", in: guest, crl: try payload.authority.crl("01"))
      let unreachable = try guest.run("cd /tmp/payload && rm crl.pem && sh ./autorun.sh")
      #expect(unreachable.status == 1 && unreachable.output.contains("no CRL that can be used"), "\(unreachable)")
      #expect(!guest.read("/tmp/systemctl.log").contains("restart"))

      try payload.write(to: "/tmp/payload", in: guest, crl: try payload.authority.crl("01"))
      try guest.check("openssl ecparam -name prime256v1 -genkey -noout -out /tmp/payload/server.key")
      let mismatch = try guest.run("cd /tmp/payload && sh ./autorun.sh")
      #expect(mismatch.status == 1 && mismatch.output.contains("OpenVPN did not start"), "\(mismatch)")

      try guest.check("ip address flush dev br0")
      let noLease = try run([:])
      #expect(noLease.status == 1 && noLease.output.contains("br0 has no address"), "\(noLease)")
    }
  }

  @Test("follows a smaller MTU of the network in bridged mode")
  func smallMTU() throws {
    try withAutorun(["MODE": "bridged"]) { guest, _, run throws in
      try guest.check("ip link set br0 mtu 1450")
      let outcome = try run([:])
      #expect(outcome.succeeded, "\(outcome)")
      #expect(guest.read(configuration).contains("\ntun-mtu 1450\npush \"tun-mtu 1450\"\n"))
      #expect(try guest.check("cat /sys/class/net/br0/mtu /sys/class/net/tap0/mtu") == "1450\n1450\n")
    }
  }
}
