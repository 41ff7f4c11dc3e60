import Foundation
import Testing
import Trust

/// A real OpenVPN server and real clients. A refused client sees silence, so refusals are read from the server's log.
@Suite("A real OpenVPN server")
struct OpenVPNTests {
  let tlsKey: TLSCryptServerKey

  init() throws { tlsKey = try .generate() }

  @Test("lets the good in and nobody else, and an expired CRL keeps out everybody", arguments: KeyType.allCases)
  func admission(type: KeyType) async throws {
    let fixture = try Fixture(type)
    let bob = try fixture.client("bob")
    let revoked = Revocation(serial: bob.certificate.serial, revokedAt: fixture.now - 60, reason: .keyCompromise)
    func list(_ number: UInt64, now: Date) throws -> CertificateRevocationList {
      try fixture.authority.revocationList(number: number, revocations: [revoked], now: now)
    }
    let alice = try profile(fixture, fixture.client("alice"))

    try await VPN.with { vpn in
      try writeServer(fixture.server(), trusting: fixture.project.anchor.pem, to: vpn)
      try vpn.install([list(1, now: fixture.now - 60)])
      let server = try await vpn.startServer()
      var clients: [RunningTool] = []
      do {
        for (name, profile) in try unwelcome(fixture, bob: bob) {
          clients.append(try await vpn.startClient(name, profile))
        }
        clients.append(try await vpn.startClient("alice", alice))
        let inside = try await clients[clients.count - 1].line(matching: "Initialization Sequence Completed")
        #expect(inside != nil, "\(clients[clients.count - 1].output)\n\(server.output)")
        #expect(try await vpn.tunnelCarries())
        for line in Self.refusals {
          #expect(try await server.line(matching: line) != nil, "\(line)\n\(server.output)")
        }
        #expect(admitted(server) == ["alice"], "\(server.output)")
        for client in clients { await client.stop() }

        try vpn.install([list(2, now: fixture.now - 8 * 86_400)])
        var seen = server.output.count
        clients.append(try await vpn.startClient("alice-late", alice))
        let outdated = "VERIFY ERROR: depth=0, error=CRL has expired: .*CN=alice"
        #expect(try await server.line(matching: outdated, after: seen) != nil, "\(server.output)")
        await clients[clients.count - 1].stop()

        try vpn.install([list(3, now: fixture.now)])
        seen = server.output.count
        clients.append(try await vpn.startClient("alice-again", alice))
        let again = try await clients[clients.count - 1].line(matching: "Initialization Sequence Completed")
        #expect(again != nil, "\(server.output.dropFirst(seen))")
      } catch {
        for client in clients + [server] { await client.stop() }
        throw error
      }
      for client in clients + [server] { await client.stop() }
    }
  }

  @Test("admits users of both CAs during a rollover, and refuses the revoked of both")
  func rollover() async throws {
    let fixture = try Fixture()
    let next = try Fixture.project("acme", generation: 2, below: fixture.root, .p256, now: fixture.now - 86_400)
    let trust = try ProjectTrust(issuing: next, retiring: fixture.project)
    let users = try ["old", "new"].map { age in
      let issuer = age == "old" ? fixture.authority : next.authority
      return (
        issuer, age, good: try fixture.client("\(age)-good", from: issuer),
        bad: try fixture.client("\(age)-bad", from: issuer)
      )
    }
    let lists = try users.map { issuer, _, _, bad in
      let revocation = Revocation(serial: bad.certificate.serial, revokedAt: fixture.now)
      return try issuer.revocationList(number: 1, revocations: [revocation], now: fixture.now)
    }
    try await VPN.with { vpn in
      try writeServer(fixture.server(), trusting: trust.bundle, to: vpn)
      try vpn.install(lists)
      let server = try await vpn.startServer()
      var clients: [RunningTool] = []
      do {
        let anchors = trust.trusted.map(\.anchor)
        for (_, age, good, bad) in users {
          clients.append(try await vpn.startClient("\(age)-bad", profile(fixture, bad, trusting: anchors)))
          clients.append(try await vpn.startClient("\(age)-good", profile(fixture, good, trusting: anchors)))
          let line = "\\[\(age)-good\\] Peer Connection Initiated"
          #expect(try await server.line(matching: line) != nil, "\(server.output)")
          let refusal = "error=certificate revoked: .*CN=\(age)-bad"
          #expect(try await server.line(matching: refusal) != nil, "\(server.output)")
        }
        #expect(admitted(server) == ["old-good", "new-good"])
      } catch {
        for client in clients + [server] { await client.stop() }
        throw error
      }
      for client in clients + [server] { await client.stop() }
    }
  }

  /// What the server says to each of `unwelcome`.
  static let refusals = [
    "VERIFY ERROR: depth=0, error=certificate revoked: .*CN=bob",
    "VERIFY ERROR: depth=0, error=certificate has expired: .*CN=carol",
    "VERIFY ERROR: depth=0, error=unsuitable certificate purpose: .*CN=acme-vpn",
    "VERIFY ERROR: depth=[01], error=unable to get (local )?issuer certificate: .*(CN=mallory|CN=zeta CA)",
    "can not extract tls-crypt-v2 client key",
  ]

  /// Users who mustn't get in, each with everything else right.
  private func unwelcome(
    _ fixture: Fixture, bob: (certificate: Certificate, key: PrivateKey)
  ) throws -> [(String, Secret)] {
    let carol = try fixture.client("carol", now: fixture.now - 10 * 86_400, days: 1)
    // A user of another project of the same root, who sends the intermediate along to complete the chain.
    let zeta = try Fixture.project("zeta", below: fixture.root, fixture.keyType, now: fixture.now - 86_400)
    let mallory = try fixture.client("mallory", from: zeta.authority)
    let chain = mallory.certificate.pem + zeta.authority.certificate.pem
    let stolen = try profile(fixture, fixture.client("alice"))
    let wrongProject = try replace("cert", in: stolen, by: chain)
    let foreignKey = try TLSCryptServerKey.generate().issueClientKey(.user([]))
    return [
      ("bob", try profile(fixture, bob)),
      ("carol", try profile(fixture, carol)),
      ("server", try profile(fixture, fixture.server())),
      ("mallory", try replace("key", in: wrongProject, by: mallory.key.pem().exposedText)),
      ("eve", try replace("tls-crypt-v2", in: profile(fixture, fixture.client("eve")), by: foreignKey.pem.exposedText)),
    ]
  }

  private func profile(
    _ fixture: Fixture, _ user: (certificate: Certificate, key: PrivateKey), trusting anchors: [Certificate]? = nil
  ) throws -> Secret {
    try Profile(
      remotes: [Remote(host: VPN.serverAddress, port: 1194)], device: .tun, serverName: "acme-vpn",
      authorities: anchors ?? [fixture.project.anchor], certificate: user.certificate, key: .inline(user.key),
      tlsCrypt: tlsKey.issueClientKey(.timestamp(fixture.now))
    ).render()
  }

  private func replace(_ block: String, in profile: Secret, by content: String) throws -> Secret {
    let text = profile.exposedText
    let start = try #require(text.range(of: "<\(block)>\n"))
    let end = try #require(text.range(of: "</\(block)>"))
    return Secret(utf8: text[..<start.upperBound] + content + text[end.lowerBound...])
  }

  private func writeServer(
    _ server: (certificate: Certificate, key: PrivateKey), trusting bundle: String, to vpn: VPN
  ) throws {
    try bundle.write(to: vpn.folder.appending(path: "ca.crt"))
    try server.certificate.pem.write(to: vpn.folder.appending(path: "server.crt"))
    try server.key.pem().write(to: vpn.folder.appending(path: "server.key"))
    try tlsKey.pem.write(to: vpn.folder.appending(path: "tls.key"))
  }

  /// The common names that the server let in.
  private func admitted(_ server: RunningTool) -> Set<String> {
    Set(server.output.matches(of: /\[([^\]]+)\] Peer Connection Initiated/).map { String($0.output.1) })
  }
}
