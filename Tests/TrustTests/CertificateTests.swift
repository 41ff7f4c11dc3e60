import Foundation
import Testing
import Trust

@Suite("Certificates")
struct CertificateTests {
  @Test("openssl verifies a server's and a user's chain strictly, with every CRL", arguments: KeyType.allCases)
  func openssl(type: KeyType) async throws {
    let fixture = try Fixture(type)
    try await withFolder { folder in
      try await Self.write(fixture, to: folder)
      for (name, purpose) in [("server", "sslserver"), ("alice", "sslclient")] {
        let verified = try await Tool.run("openssl", Self.verify(purpose, "\(name).crt"), in: folder)
        #expect(verified.succeeded, "\(verified.output)")
        // The same leaf with nothing but the project's anchor trusted.
        let anchored = try await Tool.run(
          "openssl",
          [
            "verify", "-x509_strict", "-crl_check_all", "-purpose", purpose, "-CAfile", "anchor.crt", "-CRLfile",
            "project.crl", "\(name).crt",
          ], in: folder)
        #expect(anchored.succeeded, "\(anchored.output)")
      }
    }
  }

  @Test("openssl refuses a revoked certificate, a revoked project, and a wrong purpose")
  func opensslRefuses() async throws {
    let fixture = try Fixture()
    try await withFolder { folder in
      try await Self.write(fixture, to: folder)
      let revoked = try await Tool.run("openssl", Self.verify("sslclient", "bob.crt"), in: folder)
      #expect(!revoked.succeeded && revoked.output.contains("certificate revoked"), "\(revoked.output)")
      let purpose = try await Tool.run("openssl", Self.verify("sslclient", "server.crt"), in: folder)
      #expect(!purpose.succeeded && purpose.output.contains("purpose"), "\(purpose.output)")

      let ended = Revocation(
        serial: fixture.authority.certificate.serial, revokedAt: fixture.now, reason: .cessationOfOperation)
      let list = try fixture.root.revocationList(number: 2, revocations: [ended], now: fixture.now)
      try list.pem.write(to: folder.appending(path: "root.crl"))
      let project = try await Tool.run("openssl", Self.verify("sslclient", "alice.crt"), in: folder)
      #expect(!project.succeeded && project.output.contains("at 1 depth"), "\(project.output)")
    }
  }

  @Test("GnuTLS verifies the chain, and refuses a revoked certificate", arguments: KeyType.allCases)
  func gnutls(type: KeyType) async throws {
    let fixture = try Fixture(type)
    try await withFolder { folder in
      try await Self.write(fixture, to: folder)
      for (name, good) in [("alice", true), ("server", true), ("bob", false)] {
        let chain = try ["\(name).crt", "project.crt"].map {
          try String(contentsOf: folder.appending(path: $0), encoding: .utf8)
        }
        try chain.joined().write(to: folder.appending(path: "chain.pem"))
        let verified = try await Tool.run(
          "certtool",
          ["--verify", "--infile", "chain.pem", "--load-ca-certificate", "root.crt", "--load-crl", "crls.pem"],
          in: folder)
        #expect(verified.succeeded == good, "\(name): \(verified.output)")
        #expect(verified.output.contains("Chain verification output: Verified") == good, "\(verified.output)")
      }
    }
  }

  @Test("python's cryptography reads every field as it was meant", arguments: KeyType.allCases)
  func python(type: KeyType) async throws {
    let fixture = try Fixture(type)
    try await withFolder { folder in
      try await Self.write(fixture, to: folder)
      let checked = try await Tool.run("python3", ["-c", Self.pythonCheck], in: folder)
      #expect(checked.succeeded && checked.output == "ok\n", "\(checked.output)")
    }
  }

  @Test("what openssl prints of serial, dates and fingerprint is what the accessors say")
  func accessors() async throws {
    let fixture = try Fixture()
    let certificate = try fixture.client("alice").certificate
    try await withFolder { folder in
      try certificate.pem.write(to: folder.appending(path: "a.crt"))
      let printed = try await Tool.run(
        "openssl",
        ["x509", "-in", "a.crt", "-noout", "-serial", "-fingerprint", "-sha256", "-enddate", "-dateopt", "iso_8601"],
        in: folder)
      #expect(printed.output.contains("serial=\(certificate.serial)\n"))
      let fingerprint = try certificate.fingerprint().map { String(format: "%02X", $0) }.joined(separator: ":")
      #expect(printed.output.contains("Fingerprint=\(fingerprint)\n"))
      let end = certificate.notAfter.formatted(.iso8601).replacing("T", with: " ")
      #expect(printed.output.contains("notAfter=\(end)\n"), "\(printed.output) \(end)")
    }
    #expect(certificate.purposes == [.clientAuthentication])
    #expect(!certificate.isAuthority)
    #expect(certificate.authorityKeyIdentifier == fixture.authority.certificate.subjectKeyIdentifier)
    #expect(fixture.root.certificate.pathLength == 1)
    #expect(fixture.authority.certificate.pathLength == 0)
    #expect(try fixture.server().certificate.dnsNames == ["vpn.acme.example"])
    #expect(try Certificate(pem: certificate.pem) == certificate)
  }

  @Test("a certificate that is read says what the one that was issued said")
  func issuedAndRead() throws {
    let fixture = try Fixture()
    let issued = [
      fixture.root.certificate, fixture.authority.certificate, fixture.project.anchor,
      try fixture.server().certificate, try fixture.client("alice").certificate,
    ]
    for certificate in issued {
      var (said, read) = ("", "")
      dump(certificate, to: &said)
      dump(try Certificate(der: certificate.der), to: &read)
      #expect(said == read)
    }
  }

  @Test("years through 2049 are UTCTime and later ones GeneralizedTime, and openssl agrees on the second")
  func timeEncodings() async throws {
    let boundary = Date(timeIntervalSince1970: 2_524_608_000)
    for (end, tag) in [(boundary - 1, UInt8(0x17)), (boundary, 0x18), (boundary + 68 * 366 * 86_400, 0x18)] {
      let now = Date(timeIntervalSince1970: 1_709_210_096.75)  // 2024-02-29, a leap day
      let lifetime = try Lifetime(seconds: Int64(end.timeIntervalSince1970) - 1_709_210_096)
      let root = try CertificateAuthority.root(
        named: DistinguishedName(commonName: "r"), key: .generate(), now: now, lifetime: lifetime)
      #expect(root.certificate.notAfter == end)
      let written = end.formatted(.iso8601.dateSeparator(.omitted).timeSeparator(.omitted)).replacing("T", with: "")
      let digits = Array((tag == 0x17 ? String(written.dropFirst(2)) : written).utf8)
      #expect(root.certificate.der.firstRange(of: [tag, UInt8(digits.count)] + digits) != nil, "\(written)")
    }
  }

  @Test("a certificate starts five minutes ago, and never before or after its issuer")
  func withinIssuer() throws {
    let now = Date(timeIntervalSince1970: 1_800_000_000)
    let root = try CertificateAuthority.root(
      named: DistinguishedName(commonName: "r"), key: .generate(), now: now, lifetime: Lifetime(days: 10))
    let key = try PrivateKey.generate()
    let name = try DistinguishedName(commonName: "alice")
    let late = try root.issueClient(named: name, publicKey: key.publicKey, now: now + 9 * 86_400)
    #expect(late.notAfter == root.certificate.notAfter)
    #expect(late.notBefore == now + 9 * 86_400 - 300)
    let early = try root.issueClient(named: name, publicKey: key.publicKey, now: now - 200, lifetime: Lifetime(days: 1))
    #expect(early.notBefore == root.certificate.notBefore)
  }

  @Test("an expired CA and one that isn't valid yet issue nothing")
  func issuerNotValid() throws {
    let fixture = try Fixture()
    let key = try PrivateKey.generate()
    let name = try DistinguishedName(commonName: "alice")
    for now in [fixture.authority.certificate.notAfter, fixture.authority.certificate.notBefore - 1] {
      #expect { try fixture.authority.issueClient(named: name, publicKey: key.publicKey, now: now) } throws: {
        isTrustError($0) { if case .issuerNotValid = $0 { true } else { false } }
      }
      #expect(throws: TrustError.self) { try fixture.authority.revocationList(number: 1, revocations: [], now: now) }
    }
  }

  @Test("a project CA can't make CAs, and only a CA with its own key is one")
  func notPermitted() throws {
    let fixture = try Fixture()
    let name = try DistinguishedName(commonName: "deeper")
    #expect { try fixture.authority.issueAuthority(named: name, key: .generate(), now: fixture.now) } throws: {
      isTrustError($0) { if case .notPermitted = $0 { true } else { false } }
    }
    let (certificate, key) = try fixture.client("alice")
    #expect { try CertificateAuthority(certificate: certificate, key: key) } throws: {
      isTrustError($0) { if case .notPermitted = $0 { true } else { false } }
    }
    #expect { try CertificateAuthority(certificate: fixture.authority.certificate, key: key) } throws: {
      isTrustError($0) { if case .keyMismatch = $0 { true } else { false } }
    }
  }

  @Test("a certificate of one CA is not another's, though it claims its name")
  func checkIssued() throws {
    let (a, b) = (try Fixture(), try Fixture())
    let certificate = try a.client("alice").certificate
    try certificate.checkIssued(by: a.authority.certificate)
    try certificate.checkIssued(by: a.project.anchor)
    #expect(throws: TrustError.self) { try certificate.checkIssued(by: b.authority.certificate) }
    #expect(throws: TrustError.self) { try certificate.checkIssued(by: a.root.certificate) }
    #expect(throws: TrustError.self) { try certificate.checkIssued(by: certificate) }
  }

  @Test(
    "a moment or lifetime that can't be written is refused, not trapped on",
    arguments: [
      Double.nan, .infinity, -.infinity, 1e18, -1e12,
    ])
  func impossibleTimes(secondsSince1970: Double) throws {
    let now = Date(timeIntervalSince1970: secondsSince1970)
    let name = try DistinguishedName(commonName: "r")
    #expect(throws: TrustError.self) { try CertificateAuthority.root(named: name, key: .generate(), now: now) }
    #expect(throws: TrustError.self) { try Lifetime(days: .max) }
    #expect(throws: TrustError.self) { try Lifetime(days: 0) }
    #expect(throws: TrustError.self) { try Lifetime(seconds: -1) }
  }

  static func verify(_ purpose: String, _ file: String) -> [String] {
    [
      "verify", "-x509_strict", "-crl_check_all", "-purpose", purpose, "-CAfile", "root.crt", "-untrusted",
      "project.crt", "-CRLfile", "root.crl", "-CRLfile", "project.crl", file,
    ]
  }

  /// root.crt, project.crt, anchor.crt, server.crt, alice.crt, bob.crt (revoked), root.crl, project.crl, crls.pem.
  static func write(_ fixture: Fixture, to folder: URL) async throws {
    let bob = try fixture.client("bob").certificate
    let revoked = Revocation(serial: bob.serial, revokedAt: fixture.now - 60, reason: .keyCompromise)
    let rootList = try fixture.root.revocationList(number: 1, revocations: [], now: fixture.now - 60)
    let list = try fixture.authority.revocationList(number: 7, revocations: [revoked], now: fixture.now - 60)
    let files = [
      "root.crt": fixture.root.certificate.pem, "project.crt": fixture.authority.certificate.pem,
      "anchor.crt": fixture.project.anchor.pem, "server.crt": try fixture.server().certificate.pem,
      "alice.crt": try fixture.client("alice").certificate.pem, "bob.crt": bob.pem,
      "root.crl": rootList.pem, "project.crl": list.pem, "crls.pem": rootList.pem + list.pem,
    ]
    for (name, text) in files { try text.write(to: folder.appending(path: name)) }
  }

  static let pythonCheck = """
    import warnings; warnings.simplefilter("ignore")
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
    from cryptography.x509.oid import ExtendedKeyUsageOID as E
    load = lambda n: x509.load_pem_x509_certificate(open(n, "rb").read())
    root, project, anchor = load("root.crt"), load("project.crt"), load("anchor.crt")
    server, alice, bob = load("server.crt"), load("alice.crt"), load("bob.crt")
    def issued(child, parent, signed="tbs_certificate_bytes"):
        assert child.issuer == parent.subject
        key, digest = parent.public_key(), child.signature_hash_algorithm
        if isinstance(key, ed25519.Ed25519PublicKey): how = ()
        elif isinstance(key, ec.EllipticCurvePublicKey): how = (ec.ECDSA(digest),)
        else: how = (padding.PKCS1v15(), digest)
        key.verify(child.signature, getattr(child, signed), *how)
    ext = lambda c, k: c.extensions.get_extension_for_class(k)
    def ca(c, length):
        e = ext(c, x509.BasicConstraints); assert e.critical and e.value.ca and e.value.path_length == length
        k = ext(c, x509.KeyUsage); assert k.critical and k.value.key_cert_sign and k.value.crl_sign
        assert not k.value.digital_signature
    ca(root, 1); ca(project, 0); ca(anchor, 0)
    issued(root, root); issued(project, root)
    issued(anchor, anchor); assert anchor.subject == project.subject
    for leaf, usage in ((server, E.SERVER_AUTH), (alice, E.CLIENT_AUTH), (bob, E.CLIENT_AUTH)):
        issued(leaf, project); issued(leaf, anchor)
        assert list(ext(leaf, x509.ExtendedKeyUsage).value) == [usage]
        assert not ext(leaf, x509.BasicConstraints).value.ca
        k = ext(leaf, x509.KeyUsage).value; assert k.digital_signature and not k.key_cert_sign and not k.crl_sign
        aki = ext(leaf, x509.AuthorityKeyIdentifier).value.key_identifier
        assert aki == ext(project, x509.SubjectKeyIdentifier).value.digest and len(aki) == 20
        point = ext(leaf, x509.CRLDistributionPoints).value[0].full_name[0].value
        assert point == "http://crl.example/acme.crl", point
        assert 64 < leaf.serial_number.bit_length() <= 159
        assert all(a._type.name == "UTF8String" for a in leaf.subject)
    assert ext(project, x509.CRLDistributionPoints).value[0].full_name[0].value == "http://crl.example/root.crl"
    assert ext(server, x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == ["vpn.acme.example"]
    assert alice.subject.rfc4514_string() == "CN=alice,O=acme", alice.subject.rfc4514_string()
    crl = x509.load_pem_x509_crl(open("project.crl", "rb").read())
    issued(crl, project, "tbs_certlist_bytes")
    assert ext(crl, x509.CRLNumber).value.crl_number == 7
    assert ext(crl, x509.AuthorityKeyIdentifier).value.key_identifier == aki
    assert len(crl) == 1 and crl.get_revoked_certificate_by_serial_number(alice.serial_number) is None
    entry = crl.get_revoked_certificate_by_serial_number(bob.serial_number)
    assert ext(entry, x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
    assert (crl.next_update - crl.last_update).days == 7
    assert len(x509.load_pem_x509_crl(open("root.crl", "rb").read())) == 0
    print("ok")
    """
}
