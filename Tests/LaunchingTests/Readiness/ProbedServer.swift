import Foundation
import Host
import Names
import SystemPackage
import Testing
import Trust

/// A real OpenVPN server in a network namespace of its own, which a port of the loopback leads to. Needs root.
struct ProbedServer: Sendable {
  let port: PortNumber
  let key: TLSCryptClientKey
  let folder: FilePath
  private let space: String

  var log: String { (try? String(contentsOfFile: folder.appending("server.log").string, encoding: .utf8)) ?? "" }

  /// Runs `body` while the server runs with room for five clients.
  static func with(_ body: @escaping @Sendable (ProbedServer) async throws -> Void) async throws {
    let folder = try Folder.makeTemporary("cpb-probe")
    defer { try? Folder.remove(folder) }
    let space = folder.lastComponent?.string ?? ""
    let serverKey = try TLSCryptServerKey.generate()
    try writeFiles(serverKey, to: folder)
    let port = PortNumber.forwarded.lowerBound.rawValue + UInt16.random(in: 0..<9000)
    let server = ProbedServer(
      port: try #require(PortNumber(Int(port))), key: try serverKey.issueClientKey(.timestamp(Date())), folder: folder,
      space: space)
    let outcome: Result<Void, any Error>
    do {
      try await Command("ip", ["netns", "add", space]).run()
      try await Command("ip", ["-n", space, "link", "set", "lo", "up"]).run()
      let daemon = Command(
        "ip", ["netns", "exec", space, "openvpn", "--config", folder.appending("server.conf").string], folder: folder)
      let relay = Command("python3", ["-c", relay, "/run/netns/\(space)", "\(port)"])
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await daemon.run() }
        group.addTask { try await relay.run() }
        group.addTask { try await body(server) }
        defer { group.cancelAll() }
        try await group.next()
      }
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    _ = try? await Command("ip", ["netns", "delete", space]).output()
    try outcome.get()
  }

  /// A user's own client in the server's namespace, until it is in.
  func letsClientIn() async throws {
    let client = Command(
      "timeout", ["60", "ip", "netns", "exec", space, "openvpn", "--config", folder.appending("client.conf").string],
      folder: folder)
    let task = Task { try await client.output() }
    defer { task.cancel() }
    let deadline = ContinuousClock.now + .seconds(50)
    while !log.contains("Peer Connection Initiated") {
      try #require(ContinuousClock.now < deadline, "\(log)")
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private static func writeFiles(_ serverKey: TLSCryptServerKey, to folder: FilePath) throws {
    let now = Date()
    let root = try CertificateAuthority.root(named: DistinguishedName(commonName: "root"), key: .generate(), now: now)
    func write(_ secret: Secret, _ name: String) throws {
      try AtomicFile.write(secret.withUnsafeBytes { Data($0) }, to: folder.appending(name), mode: 0o600)
    }
    let keys = (server: try PrivateKey.generate(), client: try PrivateKey.generate())
    let server = try root.issueServer(
      named: DistinguishedName(commonName: "vpn"), dnsNames: [], publicKey: keys.server.publicKey, now: now)
    let client = try root.issueClient(
      named: DistinguishedName(commonName: "u"), publicKey: keys.client.publicKey, now: now)
    try AtomicFile.write(root.certificate.pem, to: folder.appending("ca.crt"))
    try AtomicFile.write(server.pem, to: folder.appending("server.crt"))
    try AtomicFile.write(client.pem, to: folder.appending("client.crt"))
    try write(keys.server.pem(), "server.key")
    try write(keys.client.pem(), "client.key")
    try write(serverKey.pem, "tls.key")
    try write(try serverKey.issueClientKey(.timestamp(now)).pem, "tls-client.key")
    try AtomicFile.write(
      """
      port 1194
      proto udp
      dev tun
      topology subnet
      server 10.8.0.0 255.255.255.0
      ca ca.crt
      cert server.crt
      key server.key
      dh none
      tls-crypt-v2 tls.key
      max-clients 5
      connect-freq-initial 5000 1
      verb 3
      log server.log

      """, to: folder.appending("server.conf"))
    try AtomicFile.write(
      """
      client
      remote 127.0.0.1 1194 udp
      nobind
      dev tun
      ca ca.crt
      cert client.crt
      key client.key
      tls-crypt-v2 tls-client.key
      log client.log

      """, to: folder.appending("client.conf"))
  }

  /// Each of its peers has a socket, and so a port, of its own in the namespace, like users from everywhere.
  private static let relay = """
    import ctypes, os, select, socket, sys
    outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    outer.bind(("127.0.0.1", int(sys.argv[2])))
    space = os.open(sys.argv[1], os.O_RDONLY)
    assert ctypes.CDLL(None, use_errno=True).setns(space, 0x40000000) == 0
    inner, peers = {}, {}
    poll = select.epoll()
    poll.register(outer, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            try:
                if number == outer.fileno():
                    data, peer = outer.recvfrom(4096)
                    if peer not in inner:
                        inner[peer] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        inner[peer].connect(("127.0.0.1", 1194))
                        peers[inner[peer].fileno()] = (inner[peer], peer)
                        poll.register(inner[peer], select.EPOLLIN)
                    inner[peer].send(data)
                else:
                    answers, peer = peers[number]
                    outer.sendto(answers.recv(4096), peer)
            except ConnectionRefusedError:
                pass
    """
}
