import Foundation
import Testing
import Trust

@Suite("Signing requests")
struct SigningRequestTests {
  static let acceptedKeys: [[String]] = [
    ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ["-newkey", "ed25519"], ["-newkey", "rsa:2048"],
  ]

  static let refusedKeys: [[String]] = [
    ["-newkey", "rsa:1024"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], ["-newkey", "ed448"],
    ["-newkey", "rsa:2048", "-sha1"], ["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss"],
    ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
    ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
  ]

  private func request(_ subject: String, _ arguments: [String], in folder: URL) async throws -> String {
    let made = try await Tool.run(
      "openssl",
      ["req", "-new", "-nodes", "-keyout", "user.key", "-out", "user.csr", "-subj", subject] + arguments, in: folder)
    #expect(made.succeeded, "\(made.output)")
    return try String(contentsOf: folder.appending(path: "user.csr"), encoding: .utf8)
  }

  @Test("a request of openssl with an accepted key becomes a certificate for that key", arguments: acceptedKeys)
  func accepted(key: [String]) async throws {
    let fixture = try Fixture()
    try await withFolder { folder in
      let request = try SigningRequest(pem: try await request("/CN=alice", key, in: folder))
      let certificate = try fixture.authority.issueClient(
        named: DistinguishedName(commonName: "alice", organization: "acme"), for: request, now: fixture.now)
      try await CertificateTests.write(fixture, to: folder)
      try certificate.pem.write(to: folder.appending(path: "issued.crt"))
      let verified = try await Tool.run("openssl", CertificateTests.verify("sslclient", "issued.crt"), in: folder)
      #expect(verified.succeeded, "\(verified.output)")
      // The certificate is for the key that stayed with the user.
      let keys = try await Tool.run("openssl", ["pkey", "-in", "user.key", "-pubout"], in: folder)
      let certified = try await Tool.run("openssl", ["x509", "-in", "issued.crt", "-noout", "-pubkey"], in: folder)
      #expect(keys.output == certified.output)
    }
  }

  @Test("a request with a weak or odd key, or signed with SHA-1, is refused", arguments: refusedKeys)
  func refused(key: [String]) async throws {
    try await withFolder { folder in
      let pem = try await request("/CN=alice", key, in: folder)
      #expect(throws: TrustError.self) { try SigningRequest(pem: pem) }
    }
  }

  @Test("nothing but key and common name of a request is used")
  func onlyKeyAndName() async throws {
    let fixture = try Fixture()
    try await withFolder { folder in
      let pem = try await request(
        "/O=evil/OU=admins/CN=alice",
        Self.acceptedKeys[0] + [
          "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign", "-addext",
          "extendedKeyUsage=serverAuth", "-addext", "subjectAltName=DNS:acme-vpn",
        ], in: folder)
      let certificate = try fixture.authority.issueClient(
        named: DistinguishedName(commonName: "alice", organization: "acme"), for: SigningRequest(pem: pem),
        now: fixture.now)
      #expect(!certificate.isAuthority && certificate.purposes == [.clientAuthentication])
      #expect(certificate.dnsNames.isEmpty && certificate.subject.organization == "acme")
      #expect(certificate.subject.organizationalUnit == nil)
    }
  }

  @Test(
    "a request for somebody else, for nobody or for two is refused",
    arguments: [
      "/CN=bob", "/CN=Alice", "/CN=alice /O=x", "/O=alice", "/CN=alice/CN=bob", "/CN=alicе",
    ])
  func wrongName(subject: String) async throws {
    let fixture = try Fixture()
    try await withFolder { folder in
      let pem = try await request(subject, Self.acceptedKeys[0] + ["-utf8"], in: folder)
      #expect(throws: TrustError.self) {
        try fixture.authority.issueClient(
          named: DistinguishedName(commonName: "alice"), for: SigningRequest(pem: pem), now: fixture.now)
      }
    }
  }

  @Test("a request whose key was exchanged isn't signed by it")
  func exchangedKey() async throws {
    try await withFolder { folder in
      let pem = try await request("/CN=alice", Self.acceptedKeys[0], in: folder)
      let body = pem.split(separator: "\n").dropFirst().dropLast().joined()
      var der = [UInt8](try #require(Data(base64Encoded: body)))
      let own = try SigningRequest(der: der).publicKey.spki
      let other = try PrivateKey.generate().publicKey.spki
      der.replaceSubrange(try #require(der.firstRange(of: own)), with: other)
      #expect(throws: TrustError.requestNotSelfSigned) { try SigningRequest(der: der) }
    }
  }

  @Test("a request larger than any honest one isn't even looked at")
  func tooLarge() {
    #expect(throws: TrustError.self) { try SigningRequest(der: [UInt8](repeating: 0x30, count: 1 << 20)) }
    #expect(throws: TrustError.self) { try SigningRequest(pem: String(repeating: "A", count: 1 << 20)) }
  }
}
