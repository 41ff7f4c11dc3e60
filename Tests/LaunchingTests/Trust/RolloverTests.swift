import Foundation
import Host
import Names
import State
import Synchronization
import SystemPackage
import Testing
import Trust

@testable import Launching

/// A clock that a test moves, and what it looks at.
private final class Scene: Sendable {
  let acme: ProjectID
  let network: NetworkID
  let keeper: TrustKeeper
  private let clock: Clock

  private final class Clock: Sendable { let moved = Mutex<TimeInterval>(0) }

  init(_ state: StateStore) throws {
    acme = try ProjectID("acme")
    network = NetworkID(project: acme, name: .standard)
    let start = Date()
    let clock = Clock()
    keeper = TrustKeeper(
      state: state, configuration: Configuration(), clock: { start + clock.moved.withLock { $0 } })
    self.clock = clock
  }

  func wait(_ seconds: TimeInterval = 2) { clock.moved.withLock { $0 += seconds } }

  func text(_ name: String, root: Bool = false) throws -> String {
    let folder = root ? keeper.state.home.authorities : keeper.state.home.projects.appending(acme.text)
    return try String(contentsOfFile: folder.appending(name).string, encoding: .utf8)
  }

  func blocks(_ text: String, _ label: String) -> Int {
    text.components(separatedBy: "-----BEGIN \(label)-----").count - 1
  }

  func rootList() throws -> CertificateRevocationList {
    try CertificateRevocationList(pem: text("crl.pem", root: true))
  }

  /// Whether openssl takes a certificate both by the project's anchor and by the chain to the root.
  func takes(_ certificate: Trust.Certificate) async throws -> Bool {
    let byAnchor = try await openssl(certificate)
    let byChain = try await openssl(certificate, chain: true)
    return byAnchor && byChain
  }

  /// What openssl says of a certificate, judged by the exported anchors and lists and nothing else.
  func openssl(_ certificate: Trust.Certificate, chain: Bool = false) async throws -> Bool {
    let folder = try Folder.makeTemporary("cpbuild-rollover")
    defer { try? Folder.remove(folder) }
    let file = folder.appending("leaf.pem")
    try AtomicFile.write(certificate.pem, to: file)
    let home = keeper.state.home
    let project = home.projects.appending(acme.text)
    let bundle = folder.appending("crls.pem")
    try AtomicFile.write(try text("crl.pem") + (chain ? text("crl.pem", root: true) : ""), to: bundle)
    let trusted =
      chain
      ? [
        "-CAfile", home.authorities.appending("cacert.pem").string, "-untrusted",
        project.appending("cacert.pem").string,
      ]
      : ["-CAfile", project.appending("ca.crt").string]
    let moment = String(Int(keeper.now.timeIntervalSince1970))
    let output = try await Command(
      "openssl",
      ["verify", "-x509_strict", "-crl_check_all", "-attime", moment, "-CRLfile", bundle.string] + trusted
        + [file.string]
    ).output()
    return output.status == 0
  }
}

@Suite("The rollover of a project's CA, and the end of a whole project") struct RolloverTests {
  private func withScene(_ body: (Scene) async throws -> Void) async throws {
    let folder = FilePath(FileManager.default.temporaryDirectory.path).appending("cpbuild-roll-\(UUID().uuidString)")
    defer { try? Folder.remove(folder) }
    try Folder.make(folder, mode: 0o700)
    let state = try await StateStore.open(Home(folder.appending("home")))
    let scene = try Scene(state)
    try await scene.keeper.prepare(scene.acme)
    try await body(scene)
    #expect(try await state.integrityCheck().isEmpty)
    try state.close()
  }

  private func server(_ scene: Scene) async throws -> Trust.Certificate {
    try Trust.Certificate(pem: await scene.keeper.serverCredentials(of: scene.network).certificate)
  }

  @Test("old and new are both trusted between announcement and settlement, and openssl agrees in every stage")
  func whole() async throws {
    try await withScene { scene in
      let (keeper, acme, alice) = (scene.keeper, scene.acme, try UserName("alice"))
      let old = try await keeper.addUser(alice, to: acme).certificate
      let oldServer = try await server(scene)
      #expect(try await scene.takes(old))

      scene.wait()
      #expect(try await keeper.announce(acme) == false)
      #expect(try await keeper.rolloverStage(of: acme) == .announced)
      #expect(scene.blocks(try scene.text("ca.crt"), "CERTIFICATE") == 2)
      #expect(scene.blocks(try scene.text("crl.pem"), "X509 CRL") == 2)
      scene.wait()
      let between = try await keeper.addUser(alice, to: acme, renewing: true)
      #expect(between.authorities.count == 2 && between.certificate.issuer == old.issuer)
      #expect(try await server(scene) == oldServer)
      for leaf in [old, oldServer, between.certificate] {
        #expect(try await scene.takes(leaf))
      }

      scene.wait()
      try await keeper.switchAuthority(of: acme)
      let newServer = try await server(scene)
      let new = try await keeper.addUser(alice, to: acme, renewing: true).certificate
      #expect(new.issuer != old.issuer && new.issuer.commonName == "acme CA 2")
      #expect(newServer.issuer == new.issuer)
      for leaf in [old, oldServer, new, newServer] {
        #expect(try await scene.takes(leaf))
      }

      try await keeper.settle(acme)
      #expect(try await keeper.rolloverStage(of: acme) == .settled)
      #expect(scene.blocks(try scene.text("ca.crt"), "CERTIFICATE") == 1)
      #expect(try scene.rootList().revocations.map(\.reason) == [.superseded])
      for leaf in [new, newServer] { #expect(try await scene.takes(leaf)) }
      for leaf in [old, oldServer] {
        #expect(try await !scene.openssl(leaf))
        #expect(try await !scene.openssl(leaf, chain: true))
      }
    }
  }

  @Test("a revocation during a rollover is on the list of the CA that issued, and openssl refuses who is on it")
  func revocationBetween() async throws {
    try await withScene { scene in
      let (keeper, acme, bob) = (scene.keeper, scene.acme, try UserName("bob"))
      let old = try await keeper.addUser(bob, to: acme).certificate
      _ = try await keeper.announce(acme)
      try await keeper.switchAuthority(of: acme, isForced: true)
      let new = try await keeper.addUser(bob, to: acme, renewing: true).certificate
      #expect(try await scene.openssl(old))
      #expect(try await scene.openssl(new))
      #expect(try await keeper.revoke(bob, of: acme).serials.count == 2)
      #expect(try await !scene.openssl(old))
      #expect(try await !scene.openssl(new))
    }
  }

  @Test("every step out of order is refused, and changes nothing")
  func order() async throws {
    try await withScene { scene in
      let (keeper, acme) = (scene.keeper, scene.acme)
      await #expect(throws: TrustError.self) { try await keeper.switchAuthority(of: acme) }
      await #expect(throws: TrustError.self) { try await keeper.settle(acme) }
      _ = try await keeper.announce(acme)
      await #expect(throws: TrustError.self) { try await keeper.announce(acme) }
      await #expect(throws: TrustError.self) { try await keeper.settle(acme) }
      #expect(try await keeper.rolloverStage(of: acme) == .announced)
      try await keeper.switchAuthority(of: acme)
      await #expect(throws: TrustError.self) { try await keeper.announce(acme) }
      await #expect(throws: TrustError.self) { try await keeper.switchAuthority(of: acme) }
      try await keeper.settle(acme)
      await #expect(throws: TrustError.self) { try await keeper.settle(acme) }
      let nobody = try ProjectID("nobody")
      await #expect(throws: TrustKeeperError.noProject(nobody)) { try await keeper.announce(nobody) }
      await #expect(throws: TrustKeeperError.noProject(nobody)) { try await keeper.settle(nobody) }
      // One key of each generation, and of the root; what was refused left none.
      #expect(try Folder.names(in: keeper.state.home.authorityKeys).count == 3)
    }
  }

  @Test("a switch waits for users without a new profile, and a settlement for certificates of the old CA")
  func waiting() async throws {
    try await withScene { scene in
      let (keeper, acme, alice, bob) = (scene.keeper, scene.acme, try UserName("alice"), try UserName("bob"))
      _ = try await keeper.addUser(alice, to: acme)
      _ = try await keeper.addUser(bob, to: acme, expiry: .after(Lifetime(days: 1)))
      _ = try await server(scene)
      scene.wait()
      _ = try await keeper.announce(acme)
      scene.wait()
      await #expect(throws: TrustKeeperError.rolloverWaits(acme, step: .switch, holders: ["alice", "bob"])) {
        try await keeper.switchAuthority(of: acme)
      }
      _ = try await keeper.addUser(alice, to: acme, renewing: true)
      await #expect(throws: TrustKeeperError.rolloverWaits(acme, step: .switch, holders: ["bob"])) {
        try await keeper.switchAuthority(of: acme)
      }
      try await keeper.switchAuthority(of: acme, isForced: true)
      await #expect(
        throws: TrustKeeperError.rolloverWaits(
          acme, step: .settle, holders: ["the cloudpipe on network \(NetworkName.standard)", "alice", "bob"])
      ) { try await keeper.settle(acme) }
      _ = try await server(scene)
      _ = try await keeper.revoke(alice, of: acme)
      scene.wait(86_401)
      // Alice is revoked, Bob's has run out, and the cloudpipe has another.
      try await keeper.settle(acme)
    }
  }

  @Test(
    "a whole project is revoked once: its CA on the root's list, its people on its own, and openssl refuses both ways")
  func project() async throws {
    try await withScene { scene in
      let (keeper, acme, alice) = (scene.keeper, scene.acme, try UserName("alice"))
      let leaf = try await keeper.addUser(alice, to: acme).certificate
      let server = try await self.server(scene)
      let number = try #require(try scene.rootList().number)
      let done = try await keeper.revoke(wholeProject: acme, reason: .cessationOfOperation)
      #expect(done == ProjectRevocation(wasRevoked: false, lineages: 2))
      #expect(try scene.rootList().number == number + 1)
      #expect(try scene.rootList().revocations.map(\.reason) == [.cessationOfOperation])
      for certificate in [leaf, server] {
        #expect(try await !scene.openssl(certificate))
        #expect(try await !scene.openssl(certificate, chain: true))
      }
      #expect(
        try await keeper.revoke(wholeProject: acme) == ProjectRevocation(wasRevoked: true, lineages: 0))
      #expect(try scene.rootList().number == number + 1)
      await #expect(throws: TrustKeeperError.projectRevoked(acme)) { try await keeper.addUser(alice, to: acme) }
      await #expect(throws: TrustKeeperError.projectRevoked(acme)) { try await self.server(scene) }
      let nobody = try ProjectID("nobody")
      await #expect(throws: TrustKeeperError.noProject(nobody)) { try await keeper.revoke(wholeProject: nobody) }
    }
  }

  @Test("a revoked project gets a new CA at once, whatever stage it was in, and the old one stays revoked")
  func rebirth() async throws {
    try await withScene { scene in
      let (keeper, acme, alice) = (scene.keeper, scene.acme, try UserName("alice"))
      let old = try await keeper.addUser(alice, to: acme).certificate
      _ = try await keeper.announce(acme)
      _ = try await keeper.revoke(wholeProject: acme)
      await #expect(throws: TrustKeeperError.projectRevoked(acme)) {
        try await keeper.switchAuthority(of: acme, isForced: true)
      }
      #expect(try await keeper.announce(acme))
      #expect(try await keeper.rolloverStage(of: acme) == .settled)
      let new = try await keeper.addUser(alice, to: acme).certificate
      #expect(new.issuer.commonName == "acme CA 3")
      #expect(try await scene.takes(new))
      #expect(try await !scene.openssl(old))
      #expect(try scene.rootList().revocations.count == 2)
    }
  }

  @Test("health goes from ok over due and expiring to not valid, and lists are renewed at once when asked")
  func health() async throws {
    try await withScene { scene in
      let (keeper, acme) = (scene.keeper, scene.acme)
      func status() async throws -> AuthorityStatus {
        try #require(try await keeper.authorities(of: acme).first { $0.authority.project == acme })
      }
      var seen = try await status()
      #expect(seen.severity == .ok && seen.crlSeverity == .ok && !seen.isCRLDue)
      scene.wait(5 * 86_400)
      seen = try await status()
      #expect(seen.crlSeverity == .dueForRenewal && seen.isCRLDue)
      scene.wait(1.5 * 86_400)
      seen = try await status()
      #expect(seen.crlSeverity == .expiring)
      scene.wait(86_400)
      seen = try await status()
      #expect(seen.crlSeverity == .notValid)
      #expect(try await keeper.renewCRLs(of: acme).isEmpty)
      seen = try await status()
      #expect(seen.crlSeverity == .ok && seen.authority.crlNumber == 2)
      #expect(try await keeper.renewCRLs(of: nil).isEmpty)
      seen = try await status()
      #expect(seen.authority.crlNumber == 3)
      let id = try await status().authority.id
      #expect(try await keeper.entries(of: id) == 0)
      scene.wait(3300 * 86_400)
      seen = try await status()
      #expect(seen.severity == .expiring)
      scene.wait(500 * 86_400)
      seen = try await status()
      #expect(seen.severity == .notValid)
      #expect(try await !keeper.renewCRLs(of: nil).isEmpty)
      await #expect(throws: TrustError.self) { try await keeper.renewCRLs(of: acme) }
      await #expect(throws: TrustKeeperError.self) { try await keeper.renewCRLs(of: ProjectID("nobody")) }
    }
  }
}
