import Foundation
import Testing

/// A guest whose one NIC, called `name`, is connected to a switch on which nobody is yet. In namespaces no NIC is a
/// real device, so what tells them apart is laid over /sys.
private func withNIC(_ name: String, _ body: (_ guest: Namespace, _ lan: Namespace) throws -> Void) throws {
  let lan = try Namespace.plain()
  defer { lan.end() }
  try withGuest { guest throws in
    try Shell.check([
      "ip", "link", "add", name, "address", "fa:16:3e:01:02:03", "netns", guest.pid, "type", "veth", "peer", "name",
      "lan0", "netns", lan.pid,
    ])
    try lan.check("ip link set lan0 up && ip address add 10.0.0.1/24 dev lan0")
    try guest.check(
      """
      mkdir -p /tmp/net/lo /tmp/net/docker0 /tmp/net/\(name)/device
      echo 7 >/tmp/net/\(name)/ifindex; echo fa:16:3e:01:02:03 >/tmp/net/\(name)/address; echo 2 >/tmp/net/docker0/ifindex
      mount --bind /tmp/net /sys/class/net
      """)
    try body(guest, lan)
  }
}

private let bridge = "/usr/local/lib/cloudpipe/bridge"

extension Namespace {
  /// Runs what ifup would: the `up` line of br0.
  fileprivate func dhcp() throws -> Outcome {
    try run("IFACE=br0; export IFACE; sh -c \"$(sed -n 's/^ *up //p' /etc/network/interfaces)\"")
  }

  fileprivate func startDHCPServer() throws {
    try start(
      """
      exec dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --interface=lan0 --bind-interfaces --no-ping \
        --pid-file= --leasefile-ro --log-facility=- --dhcp-authoritative --dhcp-range=10.0.0.100,10.0.0.200,1h \
        --dhcp-host=fa:16:3e:01:02:03,10.0.0.2 --dhcp-option=option:mtu,1450 --dhcp-option=option:dns-server,10.0.0.1 \
        --dhcp-option=option:domain-search,acme.internal \
        --dhcp-option=option:classless-static-route,169.254.169.254/32,10.0.0.1,0.0.0.0/0,10.0.0.1,10.7.0.0/16,0.0.0.0
      """, log: scratch.path("dnsmasq.log"))
  }
}

@Suite("the guest's network", .ownThreads)
struct NetworkTests {
  @Test("is br0 over the NIC, whatever that is called, with the NIC's MAC address")
  func bridgeUp() throws {
    for name in ["eth0", "ens3", "enp0s2", "enx5254001234"] {
      try withNIC(name) { guest, _ throws in
        try guest.check("ip address add 10.9.9.9/24 dev \(name)")
        for _ in 1...2 {
          let outcome = try guest.run("\(bridge) up")
          #expect(outcome.succeeded, "\(name): \(outcome)")
        }
        #expect(try guest.check("ip -o link show br0").contains("link/ether fa:16:3e:01:02:03"))
        #expect(try guest.check("ip -o link show master br0").contains(" \(name)@"))
        #expect(try guest.check("ip -o -4 address show dev \(name)") == "")
        // A tunnel with a lower MAC address doesn't change it.
        try guest.check(
          "ip tuntap add dev tap0 mode tap && ip link set tap0 address 02:00:00:00:00:01 && \(bridge) add tap0")
        #expect(try guest.check("ip -o link show br0").contains("link/ether fa:16:3e:01:02:03"))
        #expect(try guest.run("\(bridge) down && ! ip link show br0").succeeded)
        #expect(try guest.run("\(bridge) down").succeeded)
      }
    }
  }

  @Test("waits for a NIC that comes late, and takes the first plugged in of several")
  func lateNIC() throws {
    try withNIC("ens10") { guest, _ throws in
      try guest.check(
        "mv /tmp/net/ens10 /tmp/later; mkdir -p /tmp/more/device; echo 9 >/tmp/more/ifindex; echo 02:00:00:00:00:09 >/tmp/more/address"
      )
      try guest.start("sleep 2; mv /tmp/more /tmp/net/aaa9; mv /tmp/later /tmp/net/ens10", log: "/tmp/late.log")
      try guest.start("sleep 0", log: "/tmp/x")
      try guest.check("ip link add aaa9 type veth peer name bbb9")
      // Both are there before the next look: the move takes no second.
      let outcome = try guest.run("\(bridge) up")
      #expect(outcome.succeeded, "\(outcome)")
      let ports = try guest.check("ip -o link show master br0")
      #expect(ports.contains(" ens10@") && !ports.contains(" aaa9@"), "\(ports)")
    }
  }

  @Test("takes address, MTU, routes and name servers from DHCP")
  func lease() throws {
    try withNIC("ens3") { guest, lan throws in
      try lan.startDHCPServer()
      try guest.check("\(bridge) up")
      let outcome = try guest.dhcp()
      #expect(outcome.succeeded, "\(outcome) \(lan.read(lan.scratch.path("dnsmasq.log")))")
      #expect(try guest.check("ip -4 -o address show br0").contains("10.0.0.2/24 brd 10.0.0.255"))
      let routes = try guest.check("ip -4 route")
      #expect(routes.contains("169.254.169.254 via 10.0.0.1") && routes.contains("default via 10.0.0.1"), "\(routes)")
      #expect(routes.contains("10.7.0.0/16 dev br0"), "\(routes)")
      #expect(try guest.check("ip -o link show br0").contains("mtu 1450"))
      #expect(try guest.check("ip -o link show ens3").contains("mtu 1450"))
      #expect(guest.read("/run/cloudpipe/resolv.conf") == "search acme.internal\nnameserver 10.0.0.1\n")
      #expect(try guest.run("busybox ping -c 1 -W 2 10.0.0.1").succeeded)
    }
  }

  @Test("lets the boot go on when no DHCP server answers, and still takes the lease of one that comes later")
  func noServer() throws {
    try withNIC("ens3") { guest, lan throws in
      try guest.check("\(bridge) up")
      let start = Date()
      let outcome = try guest.dhcp()
      #expect(outcome.succeeded, "\(outcome)")
      #expect(Date().timeIntervalSince(start) < 20)
      try lan.startDHCPServer()
      #expect(try guest.wait(for: "ip -4 -o address show br0 | grep -q 10.0.0.2/24", seconds: 40))
      let down = try guest.run("IFACE=br0; export IFACE; sh -c \"$(sed -n 's/^ *down //p' /etc/network/interfaces)\"")
      #expect(down.succeeded, "\(down)")
      #expect(try guest.wait(for: "! pgrep -x busybox"))
    }
  }

  @Test("replaces an address that the server takes back, and keeps no route of it")
  func renumbered() throws {
    try withNIC("ens3") { guest, _ throws in
      try guest.check("\(bridge) up")
      let event = "interface=br0 mask=24 dns=10.0.0.1 /usr/local/lib/cloudpipe/dhcp-event"
      try guest.check("ip=10.0.0.5 router=10.0.0.1 \(event) bound")
      #expect(try guest.check("ip -4 route").contains("default via 10.0.0.1"))
      try guest.check("ip=10.0.0.6 router='10.0.0.254 10.0.0.1' mtu=68 \(event) renew")
      #expect(try guest.check("ip -4 -o address show br0 | awk '{ print $4 }'") == "10.0.0.6/24\n")
      #expect(try guest.check("ip -4 route show default").hasPrefix("default via 10.0.0.254"))
      #expect(try guest.check("ip -o link show br0").contains("mtu 1500"))
      try guest.check("\(event) deconfig")
      #expect(try guest.check("ip -4 -o address show br0; ip -4 route") == "")
    }
  }
}
