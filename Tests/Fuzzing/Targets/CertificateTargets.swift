import Foundation
import Trust

/// What comes from users and other CAs in DER and PEM.
struct CertificateTargets {
  private let authority: CertificateAuthority
  private let other: CertificateAuthority
  private let certificates: [[UInt8]]
  private let lists: [[UInt8]]
  private let now = Date(timeIntervalSince1970: 1_780_000_000)

  init() throws {
    let root = try CertificateAuthority.root(
      named: DistinguishedName(commonName: "root"), key: .generate(), now: now,
      crlLocation: CRLLocation("http://crl.example/root.crl"))
    authority = try root.issueAuthority(
      named: DistinguishedName(commonName: "acme CA", organization: "acme"), key: .generate(), now: now,
      crlLocation: CRLLocation("http://crl.example/acme.crl"))
    other = try .root(named: DistinguishedName(commonName: "other"), key: .generate(.ed25519), now: now)
    let key = try PrivateKey.generate(.p384).publicKey
    let server = try authority.issueServer(
      named: DistinguishedName(commonName: "acme-vpn"), dnsNames: [DNSName("vpn.acme.example")], publicKey: key,
      now: now)
    let client = try other.issueClient(
      named: DistinguishedName(commonName: "ålice", organization: "acme", organizationalUnit: "vpn"), publicKey: key,
      now: now, lifetime: Lifetime(days: 20_000))
    certificates = [root.certificate, authority.certificate, other.certificate, server, client].map(\.der)
    let revocations = try RevocationReason.allCases.map {
      Revocation(serial: try .random(), revokedAt: Date(timeIntervalSince1970: 1_780_000_000), reason: $0)
    }
    lists = [
      try authority.revocationList(number: 7, revocations: revocations, now: now).der,
      try other.revocationList(number: .max, revocations: [], now: now).der,
    ]
  }

  var all: [FuzzTarget] {
    [
      target("certificate", certificates + RequestSamples.der, certificate),
      target("revocation list", lists + certificates, revocationList),
      target("signing request", RequestSamples.der + certificates, signingRequest),
      target("public key", keys, publicKey),
      FuzzTarget(
        "PEM of public documents", samples: pems,
        mutator: Mutator(words: ["-----BEGIN ", "-----END ", "CERTIFICATE", "-----", "\r\n", "=", "X509 CRL"]),
        judge: pem),
    ]
  }

  /// Half of the inputs are damaged as bytes, half as the tree of values that they are.
  private func target(
    _ name: String, _ samples: [[UInt8]], _ judge: @escaping ([UInt8]) throws -> FuzzTarget.Verdict
  ) -> FuzzTarget {
    let make: (inout SeededGenerator) -> [UInt8] = { generator in
      generator.once(in: 2)
        ? Mutator().damaged(samples, &generator) : DERMutator().damaged(samples, &generator)
    }
    return FuzzTarget(name, make: make, judge: judge)
  }

  private var keys: [[UInt8]] { RequestSamples.der.compactMap { try? SigningRequest(der: $0).publicKey.spki } }

  private var pems: [[UInt8]] {
    [RequestSamples.pem]
      .compactMap { Array($0.utf8) }
      + certificates.compactMap { (try? Certificate(der: $0)).map { Array($0.pem.utf8) } }
      + lists.compactMap { (try? CertificateRevocationList(der: $0)).map { Array($0.pem.utf8) } }
  }

  private func certificate(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    try verdict(TrustError.self) {
      let certificate = try Certificate(der: bytes)
      _ = TrustHealth.findings(now: now, certificates: [certificate], revocationLists: [])
      _ = (certificate.pem, "\(certificate.subject) \(certificate.serial)", certificate.notAfter)
      let isIssued = (try? certificate.checkIssued(by: authority.certificate)) != nil
      // A signature may be written in more than one way; what it covers may not change.
      try require(!isIssued || certificates.contains { Self.signed($0) == Self.signed(bytes) }, "a forged certificate")
    }
  }

  private func revocationList(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    try verdict(TrustError.self) {
      let list = try CertificateRevocationList(der: bytes)
      _ = (list.pem, list.renewalDue, list.number, list.revocations.count)
      let isIssued = (try? list.checkIssued(by: authority.certificate)) != nil
      try require(!isIssued || lists.contains { Self.signed($0) == Self.signed(bytes) }, "a forged list")
    }
  }

  private func signingRequest(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    try verdict(TrustError.self) {
      let request = try SigningRequest(der: bytes)
      guard let name = try? DistinguishedName(commonName: request.commonName) else { return }
      let issued = try authority.issueClient(named: name, for: request, now: now)
      try require(issued.publicKey == request.publicKey && !issued.isAuthority, "only the key is taken over")
    }
  }

  private func publicKey(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    try verdict(TrustError.self) {
      let key = try PublicKey(spki: bytes)
      try require(key.spki == bytes, "a key is written in one way")
    }
  }

  private func pem(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    let text = String(decoding: bytes, as: UTF8.self)
    let verdicts = try [
      verdict(TrustError.self) { _ = try Certificate.all(inPEM: text) },
      verdict(TrustError.self) { _ = try CertificateRevocationList(pem: text) },
      verdict(TrustError.self) { _ = try SigningRequest(pem: text) },
    ]
    return verdicts.contains(.accepted) ? .accepted : .refused
  }

  /// The first value inside of a document: what its signature covers.
  private static func signed(_ document: [UInt8]) -> ArraySlice<UInt8> {
    func header(at start: Int) -> (length: Int, content: Int)? {
      guard start + 1 < document.count else { return nil }
      let first = Int(document[start + 1])
      guard first >= 0x80 else { return (first, start + 2) }
      let octets = first & 0x7f
      guard start + 2 + octets <= document.count else { return nil }
      return (document[(start + 2)..<(start + 2 + octets)].reduce(0) { $0 << 8 | Int($1) }, start + 2 + octets)
    }
    guard let outer = header(at: 0), let inner = header(at: outer.content) else { return [] }
    return document[outer.content..<min(document.count, inner.content + inner.length)]
  }
}
