import Foundation
import Testing
import Trust

@Suite("Revocation lists")
struct RevocationTests {
  @Test("a list reads back as it was made, for each reason", arguments: KeyType.allCases)
  func roundTrip(type: KeyType) throws {
    let fixture = try Fixture(type)
    let moment = Date(timeIntervalSince1970: fixture.now.timeIntervalSince1970.rounded(.down))
    let revocations = try RevocationReason.allCases.map {
      try Revocation(serial: .random(), revokedAt: moment - 3600, reason: $0)
    }
    let list = try fixture.authority.revocationList(number: .max, revocations: revocations, now: moment)
    let read = try CertificateRevocationList(pem: list.pem)
    #expect(read.revocations == revocations)
    #expect(read.number == .max && read.issuer == fixture.authority.certificate.subject)
    #expect(read.thisUpdate == moment && read.nextUpdate == moment + 7 * 86_400)
    try read.checkIssued(by: fixture.authority.certificate)
    try read.checkIssued(by: fixture.project.anchor)
  }

  @Test("an entry without a reason has no extension, as RFC 5280 asks")
  func unspecifiedIsOmitted() async throws {
    let fixture = try Fixture()
    let list = try fixture.authority.revocationList(
      number: 1, revocations: [Revocation(serial: .random(), revokedAt: fixture.now)], now: fixture.now)
    try await withFolder { folder in
      try list.pem.write(to: folder.appending(path: "crl.pem"))
      let text = try await Tool.run("openssl", ["crl", "-in", "crl.pem", "-noout", "-text"], in: folder).output
      #expect(text.contains("Version 2") && text.contains("Serial Number:"))
      #expect(!text.contains("CRL entry extensions") && !text.contains("Reason"), "\(text)")
    }
  }

  @Test("a list of another CA, of the same name even, isn't this one's")
  func wrongIssuer() throws {
    let (a, b) = (try Fixture(), try Fixture())
    let list = try a.authority.revocationList(number: 1, revocations: [], now: a.now)
    #expect(throws: TrustError.self) { try list.checkIssued(by: b.authority.certificate) }
    #expect(throws: TrustError.self) { try list.checkIssued(by: a.root.certificate) }
    #expect(throws: TrustError.self) { try list.checkIssued(by: a.client("alice").certificate) }
  }

  @Test("a list in which one byte was changed isn't signed any more")
  func tampered() throws {
    let fixture = try Fixture()
    let serial = try SerialNumber.random()
    let list = try fixture.authority.revocationList(
      number: 1, revocations: [Revocation(serial: serial, revokedAt: fixture.now)], now: fixture.now)
    var der = list.der
    let place = try #require(der.firstRange(of: serial.octets))
    der[place.lowerBound + 5] ^= 1
    let tampered = try CertificateRevocationList(der: der)
    #expect { try tampered.checkIssued(by: fixture.authority.certificate) } throws: {
      isTrustError($0) { if case .notIssuedBy = $0 { true } else { false } }
    }
  }

  @Test("a list is due for renewal after two thirds of its life")
  func renewalDue() throws {
    let fixture = try Fixture(now: Date(timeIntervalSince1970: 1_800_000_000))
    let list = try fixture.authority.revocationList(
      number: 1, revocations: [], now: fixture.now, lifetime: Lifetime(days: 9))
    #expect(list.renewalDue == fixture.now + 6 * 86_400)
  }

  @Test("an entry is dropped only after a list from after the certificate's end had it")
  func pruning() {
    let end = Date(timeIntervalSince1970: 1_800_000_000)
    #expect(Revocation.mustBeListed(certificateExpires: end, latestListing: nil))
    #expect(Revocation.mustBeListed(certificateExpires: end, latestListing: end - 1))
    #expect(Revocation.mustBeListed(certificateExpires: end, latestListing: end))
    #expect(!Revocation.mustBeListed(certificateExpires: end, latestListing: end + 1))
  }

  @Test("openssl verifies a list of ten thousand entries and finds the last one")
  func large() async throws {
    let fixture = try Fixture()
    let bob = try fixture.client("bob").certificate
    var revocations = try (0..<10_000).map { _ in
      try Revocation(serial: .random(), revokedAt: fixture.now - 60, reason: .superseded)
    }
    revocations.append(Revocation(serial: bob.serial, revokedAt: fixture.now - 60))
    let list = try fixture.authority.revocationList(number: 2, revocations: revocations, now: fixture.now - 60)
    #expect(list.revocations.count == 10_001)
    try await withFolder { folder in
      try fixture.project.anchor.pem.write(to: folder.appending(path: "ca.crt"))
      try bob.pem.write(to: folder.appending(path: "bob.crt"))
      try list.pem.write(to: folder.appending(path: "crl.pem"))
      let checked = try await Tool.run(
        "openssl", ["crl", "-in", "crl.pem", "-noout", "-CAfile", "ca.crt", "-verify"], in: folder)
      #expect(checked.output.contains("verify OK"), "\(checked.output)")
      let verified = try await Tool.run(
        "openssl", ["verify", "-crl_check", "-CAfile", "ca.crt", "-CRLfile", "crl.pem", "bob.crt"], in: folder)
      #expect(verified.output.contains("certificate revoked"), "\(verified.output)")
    }
  }
}
