import Foundation
import Host
import Names
import State
import SystemPackage
import Testing
import Trust

@testable import Launching

@Suite("The keeper of projects' trust") struct TrustKeeperTests {
  private func withKeeper(
    _ configuration: Configuration = Configuration(), passphrase: PassphraseSource? = nil,
    clock: @escaping @Sendable () -> Date = { Date() }, _ body: (TrustKeeper) async throws -> Void
  ) async throws {
    let folder = FilePath(FileManager.default.temporaryDirectory.path).appending("cpbuild-trust-\(UUID().uuidString)")
    defer { try? Folder.remove(folder) }
    try Folder.make(folder, mode: 0o700)
    let state = try await StateStore.open(Home(folder.appending("home")))
    try await body(TrustKeeper(state: state, configuration: configuration, passphrase: passphrase, clock: clock))
    try state.close()
  }

  private func list(_ keeper: TrustKeeper, _ project: ProjectID) throws -> CertificateRevocationList {
    let data = try #require(FileManager.default.contents(atPath: keeper.crlExport(of: project).string))
    return try CertificateRevocationList(pem: String(decoding: data, as: UTF8.self))
  }

  @Test("makes all that a project needs, once, however often and by however many it is asked")
  func prepare() async throws {
    try await withKeeper { keeper in
      let acme = try ProjectID("acme")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 { group.addTask { try await keeper.prepare(acme) } }
        try await group.waitForAll()
      }
      let network = NetworkID(project: acme, name: .standard)
      let first = try await keeper.serverCredentials(of: network)
      let second = try await keeper.serverCredentials(of: network)
      #expect(first.certificate == second.certificate && first.key == second.key)
      let server = try Trust.Certificate(pem: first.certificate)
      try server.checkIssued(by: Trust.Certificate(pem: first.authorities))
      #expect(server.subject.commonName == "acme-vpn" && server.purposes == [.serverAuthentication])
      #expect(try await keeper.keyPair(of: acme).name == "acme-vpn")
      _ = try await keeper.probeKey(of: acme)
      #expect(try await keeper.state.read { try $0.authorities.all(of: nil).count } == 1)
      #expect(try await keeper.state.integrityCheck().isEmpty)
    }
  }

  @Test("revokes once, on a list with a higher number, and lets the user have another certificate after it")
  func revocation() async throws {
    try await withKeeper { keeper in
      let (acme, alice) = (try ProjectID("acme"), try UserName("alice"))
      try await keeper.prepare(acme)
      let before = try #require(try list(keeper, acme).number)
      let issued = try await keeper.addUser(alice, to: acme)
      await #expect(throws: TrustKeeperError.self) { try await keeper.addUser(alice, to: acme) }
      let done = try await keeper.revoke(alice, of: acme, reason: .keyCompromise)
      let after = try list(keeper, acme)
      #expect(done.serials.count == 1)
      #expect(after.number == before + 1)
      #expect(after.revocations.map(\.serial) == [issued.certificate.serial])
      #expect(after.revocations.map(\.reason) == [.keyCompromise])
      #expect(try await keeper.revoke(alice, of: acme).serials.isEmpty)
      #expect(try list(keeper, acme).number == before + 1)
      let again = try await keeper.addUser(alice, to: acme)
      #expect(again.certificate.serial != issued.certificate.serial)
      #expect(try list(keeper, acme).revocations.map(\.serial) == [issued.certificate.serial])
      await #expect(throws: TrustKeeperError.noUser(try UserName("bob"), acme)) {
        try await keeper.revoke(UserName("bob"), of: acme)
      }
    }
  }

  @Test("many users get their certificates together, or none of them does")
  func batch() async throws {
    try await withKeeper { keeper in
      let acme = try ProjectID("acme")
      try await keeper.prepare(acme)
      let users = try (0..<50).map { try UserName("user-\($0)") }
      let issued = try await keeper.addUsers(users, to: acme)
      #expect(issued.map(\.certificate.subject.commonName) == users.map(\.text))
      #expect(Set(issued.map(\.certificate.serial)).count == 50)
      for one in issued {
        #expect(one.key?.publicKey == one.certificate.publicKey)
        try one.certificate.checkIssued(by: try #require(one.authorities.first))
      }
      let more = try [UserName("other"), users[7]]
      await #expect(throws: TrustKeeperError.self) { try await keeper.addUsers(more, to: acme) }
      #expect(try await keeper.state.read { try $0.lineages.live(more[0], of: acme) } == nil)
      #expect(try await keeper.addUsers([], to: acme).isEmpty)
    }
  }

  @Test("a user's profile vouches for itself, and a request's key stays with the user")
  func profile() async throws {
    try await withKeeper { keeper in
      let acme = try ProjectID("acme")
      await #expect(throws: TrustKeeperError.noProject(acme)) { try await keeper.addUser(UserName("alice"), to: acme) }
      try await keeper.prepare(acme)
      let issued = try await keeper.addUser(UserName("alice"), to: acme, expiry: .after(Lifetime(days: 3)))
      let profile = try issued.profile(
        for: NetworkID(project: acme, name: .standard), mode: .routed, remotes: [Remote(host: "192.0.2.1", port: 1194)])
      let text = try profile.render().withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      #expect(text.contains("verify-x509-name acme-vpn name") && text.contains("dev tun"))
      #expect(issued.certificate.notAfter.timeIntervalSinceNow < 3 * 86_400 + 1)
    }
  }

  @Test("CRLs are renewed after two thirds of their life and not before")
  func renewal() async throws {
    let moment = Date()
    let acme = try ProjectID("acme")
    try await withKeeper(clock: { moment }) { keeper in
      try await keeper.prepare(acme)
      #expect(try list(keeper, acme).number == 1)
      for (days, number) in [(4.6, UInt64(1)), (4.7, 2)] {
        let later = TrustKeeper(
          state: keeper.state, configuration: Configuration(), clock: { moment + days * 86_400 })
        #expect(try await later.renewDue(all: true).isEmpty)
        #expect(try list(keeper, acme).number == number)
      }
    }
  }

  @Test("a CA whose key is gone is told of, and keeps no other CA's CRL from being renewed")
  func lostKey() async throws {
    let (acme, zeta) = (try ProjectID("acme"), try ProjectID("zeta"))
    try await withKeeper { keeper in
      try await keeper.prepare(acme)
      try await keeper.prepare(zeta)
      let row = try #require(try await keeper.state.read { try $0.authorities.active(of: acme) })
      try Folder.remove(keeper.state.keys.path(of: try #require(row.keyFile)))
      let later = TrustKeeper(state: keeper.state, configuration: Configuration(), clock: { Date() + 6 * 86_400 })
      let troubles = try await later.renewDue(all: true)
      #expect(troubles.count == 1 && troubles.first?.contains("project acme can't be renewed") == true, "\(troubles)")
      #expect(try list(keeper, acme).number == 1)
      #expect(try list(keeper, zeta).number == 2)
      // A cloudpipe goes with the old list as long as that lasts.
      try await later.prepare(acme)
      let tooLate = TrustKeeper(state: keeper.state, configuration: Configuration(), clock: { Date() + 8 * 86_400 })
      await #expect(throws: (any Error).self) { try await tooLate.prepare(acme) }
    }
  }

  @Test("encrypted CA keys need their passphrase, and what can't be renewed for want of it is told")
  func encryption() async throws {
    let phrase = FilePath(FileManager.default.temporaryDirectory.path).appending("phrase-\(UUID().uuidString)")
    defer { try? Folder.remove(phrase) }
    try AtomicFile.write("correct horse\n", to: phrase, mode: 0o600)
    let acme = try ProjectID("acme")
    try await withKeeper(passphrase: .file(phrase)) { keeper in
      try await keeper.prepare(acme)
      for name in try Folder.names(in: keeper.state.home.authorityKeys) {
        let text = try String(contentsOfFile: keeper.state.home.authorityKeys.appending(name).string, encoding: .utf8)
        #expect(text.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
      }
      let without = TrustKeeper(
        state: keeper.state, configuration: Configuration(), clock: { Date() + 6 * 86_400 })
      await #expect(throws: TrustKeeperError.self) { try await without.addUser(UserName("alice"), to: acme) }
      await #expect(throws: TrustKeeperError.self) { try await without.prepare(ProjectID("zeta")) }
      #expect(try await keeper.state.read { try $0.projects.all().map(\.id) } == [acme])
      #expect(try await without.renewDue(all: true).count == 2)
      try AtomicFile.write("wrong", to: phrase, mode: 0o600)
      let wrong = TrustKeeper(state: keeper.state, configuration: Configuration(), passphrase: .file(phrase))
      await #expect(throws: TrustKeeperError.self) { try await wrong.addUser(UserName("alice"), to: acme) }
      try AtomicFile.write("correct horse", to: phrase, mode: 0o644)
      let open = TrustKeeper(state: keeper.state, configuration: Configuration(), passphrase: .file(phrase))
      await #expect(throws: TrustKeeperError.self) { try await open.addUser(UserName("alice"), to: acme) }
    }
  }

  @Test("the longest names work")
  func longNames() async throws {
    try await withKeeper { keeper in
      let long = try ProjectID(String(repeating: "p", count: 64))
      let network = NetworkID(project: long, name: try NetworkName(String(repeating: "n", count: 64)))
      try await keeper.prepare(long)
      #expect(LaunchedNames.instance(of: network).utf8.count == 63)
      _ = try await keeper.serverCredentials(of: network)
      let issued = try await keeper.addUser(UserName("alice"), to: long)
      _ = try issued.profile(for: network, mode: .bridged, remotes: [Remote(host: "vpn.example", port: 1)]).render()
    }
  }
}
