import Foundation

/// A project's network with a cloudpipe, a gateway that serves metadata, and the world outside:
/// ```
/// client 192.0.2.x ── 192.0.2.1 gateway 10.0.0.1, 169.254.169.254 ── nic0 in br0 10.0.0.2 cloudpipe
/// ```
/// UDP port 4194 of 192.0.2.1 is forwarded to the cloudpipe's 1194.
final class Project {
  let guest: Namespace
  let gateway: Namespace
  private(set) var clients: [Client] = []

  init() throws {
    guest = try Namespace.guest()
    do { gateway = try Namespace.plain() } catch {
      guest.end()
      throw error
    }
    do { try connect() } catch {
      end()
      throw error
    }
  }

  func end() {
    for client in clients { client.machine.end() }
    gateway.end()
    guest.end()
  }

  private func connect() throws {
    try Shell.check([
      "ip", "link", "add", "nic0", "netns", guest.pid, "type", "veth", "peer", "name", "net0", "netns", gateway.pid,
    ])
    try guest.check(
      """
      ip link add br0 type bridge forward_delay 0
      ip link set nic0 master br0 && ip link set nic0 up && ip link set br0 up
      ip address add 10.0.0.2/24 dev br0 && ip route add default via 10.0.0.1
      """)
    try gateway.check(
      """
      ip link add out0 type bridge forward_delay 0 && ip link set out0 up && ip address add 192.0.2.1/24 dev out0
      ip link set net0 up && ip address add 10.0.0.1/24 dev net0 && ip address add 169.254.169.254/32 dev net0
      echo 1 >/proc/sys/net/ipv4/ip_forward
      nft -f - <<'RULES'
      table ip nat {
        chain prerouting {
          type nat hook prerouting priority -100;
          iifname "out0" udp dport 4194 dnat to 10.0.0.2:1194
        }
      }
      RULES
      mkdir -p \(web)/latest && echo payload >\(web)/latest/user-data
      """)
    try gateway.start("python3 \(Repository.fixture)/metadata.py \(web) 0.0.0.0", log: gateway.scratch.path("web.log"))
    guard try gateway.wait(for: "ss -Hltn | grep -q ':80 '") else {
      throw CommandFailed(command: ["metadata.py"], outcome: Outcome(status: 1, output: "does not listen"))
    }
  }

  private var web: String { gateway.scratch.path("web") }

  /// A machine outside that runs an OpenVPN client.
  func client(_ profile: String) throws -> Client {
    let machine = try Namespace.plain()
    let client = Client(machine: machine)
    clients.append(client)
    try Shell.check([
      "ip", "link", "add", "wan", "netns", machine.pid, "type", "veth", "peer", "name", "c\(clients.count)", "netns",
      gateway.pid,
    ])
    try gateway.check("ip link set c\(clients.count) master out0 && ip link set c\(clients.count) up")
    try machine.check(
      "ip link set wan up && ip address add 192.0.2.\(clients.count + 10)/24 dev wan && ip route add default via 192.0.2.1"
    )
    try Data(profile.utf8).write(to: URL(filePath: machine.scratch.path("profile.ovpn")))
    try machine.start("openvpn --config \(machine.scratch.path("profile.ovpn"))", log: client.log)
    return client
  }

  struct Client {
    let machine: Namespace
    var log: String { machine.scratch.path("client.log") }

    /// Whether the tunnel comes up.
    func connects(within seconds: Double = 60) throws -> Bool {
      try machine.wait(
        for: "grep -q 'Initialization Sequence Completed' \(log) || { [ -s \(log) ] && ! pgrep -x openvpn; }",
        seconds: seconds)
        && machine.read(log).contains("Initialization Sequence Completed")
    }

    /// Whether the server says that it refuses a client for this reason, and doesn't let it in after that. The
    /// client itself is told nothing.
    func isRefused(by guest: Namespace, saying reason: String) throws -> Bool {
      try guest.wait(for: "grep -qF '\(reason)' /tmp/openvpn.log") && !connects(within: 2)
    }

    func isRunning() throws -> Bool { try machine.run("pgrep -x openvpn").succeeded }

    /// Whether a page can be had over HTTP, within two seconds.
    func canGet(_ url: String) throws -> Bool {
      try machine.run("wget -q -O - --tries=1 --timeout=2 --no-proxy \(url) | grep -qx payload").succeeded
    }
  }
}

/// Runs `body` with a project whose cloudpipe runs a VPN with these settings.
func withVPN(_ settings: [String: String], _ body: (Project, TestPayload) throws -> Void) throws {
  let payload = try TestPayload(settings)
  defer { payload.remove() }
  let project = try Project()
  defer { project.end() }
  try payload.write(to: "/tmp/payload", in: project.guest, crl: try payload.authority.crl("01"))
  try project.guest.check("cd /tmp/payload && sh ./autorun.sh")
  try body(project, payload)
}
