import Foundation
import Testing
import Trust

@Suite("CA rollover and health")
struct RolloverTests {
  @Test("a rollover goes through its stages, and both CAs are trusted in between")
  func stages() throws {
    let fixture = try Fixture()
    let next = try Fixture.project("acme", generation: 2, below: fixture.root, .p256, now: fixture.now)
    let old = try fixture.client("alice").certificate

    let settled = ProjectTrust(fixture.project)
    let announced = try settled.announcing(next)
    let switched = try announced.switching()
    #expect([settled.stage, announced.stage, switched.stage] == [.settled, .announced, .switched])
    #expect(announced.issuing.anchor == fixture.project.anchor)
    #expect(switched.issuing.anchor == next.anchor)

    let new = try fixture.client("alice", from: switched.issuing.authority).certificate
    for trust in [announced, switched] {
      #expect(try trust.issuer(of: old).anchor == fixture.project.anchor)
      #expect(try trust.issuer(of: new).anchor == next.anchor)
      #expect(try Set(Certificate.all(inPEM: trust.bundle)) == [fixture.project.anchor, next.anchor])
    }
    let done = try switched.settling(now: fixture.now, lastInUse: nil)
    #expect(try Certificate.all(inPEM: done.bundle) == [next.anchor])
    #expect(throws: TrustError.self) { try done.issuer(of: old) }
  }

  @Test("a rollover takes no step out of order")
  func order() throws {
    let fixture = try Fixture()
    let next = try Fixture.project("acme", generation: 2, below: fixture.root, .p256, now: fixture.now)
    let settled = ProjectTrust(fixture.project)
    let announced = try settled.announcing(next)
    #expect(throws: TrustError.self) { try settled.switching() }
    #expect(throws: TrustError.self) { try settled.settling(now: fixture.now, lastInUse: nil) }
    #expect(throws: TrustError.self) { try announced.announcing(next) }
    #expect(throws: TrustError.self) { try announced.settling(now: fixture.now, lastInUse: nil) }
    #expect(try ProjectTrust(issuing: fixture.project, announced: next).stage == .announced)
    #expect(try ProjectTrust(issuing: next, retiring: fixture.project).issuing.anchor == next.anchor)
  }

  @Test("the old CA stays trusted while a certificate of it is in use")
  func notTooSoon() throws {
    let fixture = try Fixture()
    let next = try Fixture.project("acme", generation: 2, below: fixture.root, .p256, now: fixture.now)
    let switched = try ProjectTrust(issuing: next, retiring: fixture.project)
    let end = try fixture.client("alice").certificate.notAfter
    #expect(throws: TrustError.self) { try switched.settling(now: fixture.now, lastInUse: end) }
    _ = try switched.settling(now: end + 1, lastInUse: end)
  }

  @Test("a new CA with the name or the key of the old one is refused")
  func sameNameOrKey() throws {
    let fixture = try Fixture()
    let sameName = try Fixture.project("acme", below: fixture.root, .p256, now: fixture.now)
    let sameKey = try ProjectAuthority(
      fixture.root.issueAuthority(
        named: ProjectAuthority.name(project: "acme", generation: 2), key: fixture.authority.key, now: fixture.now))
    #expect(throws: TrustError.self) { try ProjectTrust(fixture.project).announcing(sameName) }
    #expect(throws: TrustError.self) { try ProjectTrust(fixture.project).announcing(sameKey) }
  }

  @Test("another project's anchor isn't this one's")
  func wrongAnchor() throws {
    let (a, b) = (try Fixture(), try Fixture(project: "zeta"))
    #expect(throws: TrustError.self) { try ProjectAuthority(a.authority, anchor: b.project.anchor) }
    #expect(throws: TrustError.self) { try ProjectAuthority(a.authority, anchor: a.client("x").certificate) }
    #expect(try ProjectAuthority(a.authority, anchor: a.project.anchor).anchor == a.project.anchor)
  }

  @Test("a CA gets a later end, or a second root, with what it issued still good")
  func renewedAndCrossSigned() async throws {
    let fixture = try Fixture()
    let newRoot = try CertificateAuthority.root(
      named: DistinguishedName(commonName: "cpbuild root 2"), key: .generate(), now: fixture.now)
    let name = fixture.authority.certificate.subject
    let crossed = try newRoot.issueAuthority(named: name, key: fixture.authority.key, now: fixture.now)
    let renewed = try fixture.root.issueAuthority(named: name, key: fixture.authority.key, now: fixture.now)
    #expect(renewed.certificate.notAfter > fixture.authority.certificate.notAfter)
    try await withFolder { folder in
      try fixture.client("alice").certificate.pem.write(to: folder.appending(path: "alice.crt"))
      for (root, middle) in [(newRoot, crossed), (fixture.root, renewed)] {
        try root.certificate.pem.write(to: folder.appending(path: "root.crt"))
        try middle.certificate.pem.write(to: folder.appending(path: "middle.crt"))
        let verified = try await Tool.run(
          "openssl", ["verify", "-x509_strict", "-CAfile", "root.crt", "-untrusted", "middle.crt", "alice.crt"],
          in: folder)
        #expect(verified.succeeded, "\(verified.output)")
      }
    }
  }

  @Test("health goes from ok over due and expiring to not valid, and names the remedy")
  func health() throws {
    let day = 86_400.0
    let fixture = try Fixture(now: Date(timeIntervalSince1970: 1_800_000_000))
    let list = try fixture.authority.revocationList(
      number: 1, revocations: [], now: fixture.now, lifetime: Lifetime(days: 9))
    let expected: [(Double, TrustHealth.Severity)] = [
      (-0.1, .notValid), (0, .ok), (5.9, .ok), (6, .dueForRenewal), (7.9, .dueForRenewal), (8, .expiring),
      (9, .expiring),
      (9.1, .notValid),
    ]
    for (days, severity) in expected {
      let findings = TrustHealth.findings(
        now: fixture.now + days * day, certificates: [fixture.authority.certificate], revocationLists: [list])
      #expect(findings.map(\.severity) == [.ok, severity], "after \(days) days")
      #expect(findings.map(\.severity).max() == severity)
      #expect(findings[1].ends == list.nextUpdate)
      #expect(severity == .ok || "\(findings[1])".contains("crl renew") || days < 0)
    }
    let old = TrustHealth.findings(
      now: fixture.now + 4000 * day, certificates: [fixture.authority.certificate], revocationLists: [])
    #expect(old.first?.severity == .notValid && "\(old[0])".contains("CA certificate of O=acme, CN=acme CA"))
  }
}
