import Foundation
import Testing
import Trust

/// Two network namespaces joined by a cable, an OpenVPN server in one and clients in the other. Gone after the test, even
/// when it failed.
struct VPN {
  static let serverAddress = "192.0.2.1"

  let folder: URL
  private let name: String
  private var serverSpace: String { "\(name)-s" }
  private var clientSpace: String { "\(name)-c" }

  static func with(_ body: (VPN) async throws -> Void) async throws {
    try await withFolder { folder in
      let random = UInt32.random(in: 0...UInt32.max)
      let vpn = VPN(folder: folder, name: "cpt" + String(random, radix: 16))
      do {
        try await vpn.plug()
        try await body(vpn)
      } catch {
        await vpn.unplug()
        throw error
      }
      await vpn.unplug()
    }
  }

  private func plug() async throws {
    let script = """
      set -eu
      ip netns add \(serverSpace)
      ip netns add \(clientSpace)
      ip -n \(serverSpace) link add eth0 type veth peer name eth0 netns \(clientSpace)
      ip -n \(serverSpace) address add \(Self.serverAddress)/24 dev eth0
      ip -n \(clientSpace) address add 192.0.2.2/24 dev eth0
      ip -n \(serverSpace) link set eth0 up
      ip -n \(clientSpace) link set eth0 up
      """
    let made = try await Tool.run("sh", ["-c", script], in: folder)
    try #require(made.succeeded, "network namespaces need root: \(made.output)")
  }

  private func unplug() async {
    for space in [serverSpace, clientSpace] {
      _ = try? await Tool.run("ip", ["netns", "delete", space], in: folder)
    }
  }

  /// Starts a server with the files ca.crt, server.crt, server.key, crl.pem and tls.key, and waits until it answers.
  func startServer() async throws -> RunningTool {
    let config = """
      port 1194
      proto udp
      dev tun
      topology subnet
      server 10.8.0.0 255.255.255.0
      ca ca.crt
      cert server.crt
      key server.key
      dh none
      crl-verify crl.pem
      tls-crypt-v2 tls.key
      remote-cert-tls client
      tls-version-min 1.2
      data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305
      keepalive 5 30
      verb 3
      """
    try config.write(to: folder.appending(path: "server.conf"))
    let server = try await start("server", "server.conf", in: serverSpace)
    if try await server.line(matching: "Initialization Sequence Completed") == nil {
      await server.stop()
      Issue.record("the server didn't start: \(server.output)")
    }
    return server
  }

  /// Starts a client with this profile, unchanged.
  func startClient(_ name: String, _ profile: Secret) async throws -> RunningTool {
    try profile.write(to: folder.appending(path: "\(name).ovpn"))
    return try await start(name, "\(name).ovpn", in: clientSpace)
  }

  private func start(_ name: String, _ config: String, in space: String) async throws -> RunningTool {
    let log = folder.appending(path: "\(name)-\(UUID().uuidString).log")
    return try await Tool.start("ip", ["netns", "exec", space, "openvpn", "--config", config], in: folder, log: log)
  }

  /// Whether packets go through the tunnel and back: the server's end refuses a connection, rather than not answering.
  func tunnelCarries() async throws -> Bool {
    let probe = """
      import socket
      try: socket.create_connection(("10.8.0.1", 9), timeout=5)
      except ConnectionRefusedError: print("refused")
      """
    let arguments = ["netns", "exec", clientSpace, "python3", "-c", probe]
    return try await Tool.run("ip", arguments, in: folder).output.contains("refused")
  }

  /// Puts a new revocation list in place by renaming. OpenVPN looks at whole seconds and the size to see that it changed.
  func install(_ lists: [CertificateRevocationList]) throws {
    let (new, file) = (folder.appending(path: "crl.new"), folder.appending(path: "crl.pem"))
    try lists.map(\.pem).joined().write(to: new)
    let installed = try? FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date
    let moment = (installed ?? Date()) + 2
    try FileManager.default.setAttributes([.modificationDate: moment], ofItemAtPath: new.path)
    guard rename(new.path, file.path) == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
