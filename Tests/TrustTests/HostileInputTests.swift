import Foundation
import Testing
import Trust

/// Every parser of outside bytes gets damaged and made-up input. That they return or throw is the test: a trap would end
/// the process.
@Suite("Hostile input")
struct HostileInputTests {
  @Test("damaged certificates, lists and requests are refused or read, never trapped on", arguments: UInt64(1)...4)
  func damagedDER(seed: UInt64) async throws {
    let fixture = try Fixture()
    let list = try fixture.authority.revocationList(
      number: 3, revocations: [Revocation(serial: .random(), revokedAt: fixture.now, reason: .keyCompromise)],
      now: fixture.now)
    let request = try await Self.request()
    var generator = SeededGenerator(seed: seed)
    for sample in [fixture.project.anchor.der, try fixture.server().certificate.der, list.der, request] {
      for _ in 0..<3_000 {
        let damaged = Self.damage(sample, &generator)
        let certificate = try? Certificate(der: damaged)
        let damagedList = try? CertificateRevocationList(der: damaged)
        _ = try? SigningRequest(der: damaged)
        _ = try? PublicKey(spki: damaged)
        // What was read has to be usable without a trap, too, and nobody's unless it is unchanged.
        if let certificate, certificate.der != sample {
          #expect(throws: TrustError.self) { try certificate.checkIssued(by: fixture.authority.certificate) }
          _ = TrustHealth.findings(now: fixture.now, certificates: [certificate], revocationLists: [])
        }
        if let damagedList, damagedList.der != sample {
          #expect(throws: TrustError.self) { try damagedList.checkIssued(by: fixture.authority.certificate) }
          _ = (damagedList.renewalDue, damagedList.pem)
        }
      }
    }
  }

  @Test("every truncation of every document is refused")
  func truncated() async throws {
    let fixture = try Fixture()
    let certificate = try fixture.server().certificate.der
    let list = try fixture.authority.revocationList(number: 1, revocations: [], now: fixture.now).der
    let request = try await Self.request()
    for length in 0..<certificate.count {
      #expect(throws: TrustError.self) { try Certificate(der: Array(certificate.prefix(length))) }
    }
    for length in 0..<list.count {
      #expect(throws: TrustError.self) { try CertificateRevocationList(der: Array(list.prefix(length))) }
    }
    for length in 0..<request.count {
      #expect(throws: TrustError.self) { try SigningRequest(der: Array(request.prefix(length))) }
    }
    for document in [certificate, list, request] {
      #expect(throws: TrustError.self) { try Certificate(der: document + [0]) }
      #expect(throws: TrustError.self) { try CertificateRevocationList(der: document + [0]) }
      #expect(throws: TrustError.self) { try SigningRequest(der: document + [0]) }
    }
  }

  @Test("damaged PEM of every kind is refused or read, never trapped on", arguments: UInt64(1)...2)
  func damagedPEM(seed: UInt64) throws {
    let fixture = try Fixture()
    let tlsServer = try TLSCryptServerKey.generate()
    let tlsClient = try tlsServer.issueClientKey(.timestamp(fixture.now))
    let samples = [
      Array(fixture.project.anchor.pem.utf8), try fixture.authority.key.pem().exposed, tlsServer.pem.exposed,
      tlsClient.pem.exposed,
    ]
    var generator = SeededGenerator(seed: seed)
    for sample in samples {
      for _ in 0..<1_000 {
        let damaged = Self.damage(sample, &generator)
        let text = String(decoding: damaged, as: UTF8.self)
        let secret = Secret(count: damaged.count) { $0.copyBytes(from: damaged) }
        _ = try? Certificate.all(inPEM: text)
        _ = try? CertificateRevocationList(pem: text)
        _ = try? SigningRequest(pem: text)
        _ = try? PrivateKey(pem: secret)
        _ = try? TLSCryptServerKey(pem: secret)
        if let client = try? TLSCryptClientKey(pem: secret) { _ = try? tlsServer.metadata(of: client) }
        _ = try? SerialNumber(hex: text)
      }
    }
  }

  @Test("damaged encrypted keys are refused, and none takes long")
  func damagedEncryptedKey() throws {
    let passphrase = try Passphrase(Secret(utf8: "a"))
    let key = try PrivateKey.generate()
    let body = try key.pem(encryptedWith: passphrase).exposedText.split(separator: "\n").dropFirst().dropLast().joined()
    let der = [UInt8](try #require(Data(base64Encoded: body)))
    var generator = SeededGenerator(seed: 5)
    // Only the head is damaged, where the cost of opening it stands.
    for _ in 0..<40 {
      let damaged = Self.damage(Array(der.prefix(90)), &generator) + der.dropFirst(90)
      let began = Date()
      let opened = try? PrivateKey(
        pem: PrivateKeyTests.pem("ENCRYPTED PRIVATE KEY", damaged), passphrase: passphrase)
      #expect(opened == nil || opened?.publicKey == key.publicKey)
      #expect(Date().timeIntervalSince(began) < 30)
    }
  }

  @Test("bytes that are nothing are refused by everyone")
  func noise() {
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<5_000 {
      let noise = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      #expect(throws: TrustError.self) { try Certificate(der: noise) }
      #expect(throws: TrustError.self) { try CertificateRevocationList(der: noise) }
      #expect(throws: TrustError.self) { try SigningRequest(der: noise) }
      #expect(throws: TrustError.self) { try PublicKey(spki: noise) }
    }
  }

  /// A request of openssl's, the only document here that isn't made by this module.
  static func request() async throws -> [UInt8] {
    try await withFolder { folder in
      let made = try await Tool.run(
        "openssl",
        [
          "req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "k", "-subj",
          "/CN=alice", "-outform", "DER", "-out", "r",
        ], in: folder)
      #expect(made.succeeded, "\(made.output)")
      return [UInt8](try Data(contentsOf: folder.appending(path: "r")))
    }
  }

  /// One to four changes: bits turned, bytes set to telling values, parts cut out, doubled or replaced by noise.
  static func damage(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      guard !bytes.isEmpty else { return bytes }
      let start = Int.random(in: 0..<bytes.count, using: &generator)
      let end = min(bytes.count, start + Int.random(in: 1...20, using: &generator))
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: bytes[start] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[start] = [0x00, 0x7f, 0x80, 0x81, 0x84, 0xff, 0x30, 0x02].randomElement(using: &generator) ?? 0
      case 2: bytes.removeSubrange(start..<end)
      case 3: bytes.insert(contentsOf: bytes[start..<end], at: start)
      default: for place in start..<end { bytes[place] = .random(in: 0...255, using: &generator) }
      }
    }
    return bytes
  }
}
