import Foundation
import Testing
import Trust

@Suite("Private keys")
struct PrivateKeyTests {
  @Test("a key of each type survives its PEM, plain and encrypted", arguments: KeyType.allCases)
  func roundTrip(type: KeyType) throws {
    let key = try TestKeys.key(type, .project("acme", 1))
    let passphrase = try Passphrase(Secret(utf8: "correct horse"))
    #expect(try PrivateKey(pem: key.pem()).publicKey == key.publicKey)
    let sealed = try key.pem(encryptedWith: passphrase)
    #expect(try PrivateKey(pem: sealed, passphrase: passphrase).publicKey == key.publicKey)
  }

  @Test("openssl and python read an encrypted key of each type", arguments: KeyType.allCases)
  func readByOthers(type: KeyType) async throws {
    let key = try TestKeys.key(type, .project("acme", 1))
    try await withFolder { folder in
      try key.pem(encryptedWith: Passphrase(Secret(utf8: "swordfish"))).write(to: folder.appending(path: "key.pem"))
      let openssl = try await Tool.run(
        "openssl", ["pkey", "-in", "key.pem", "-passin", "pass:swordfish", "-check"], in: folder)
      #expect(openssl.succeeded && openssl.output.contains("BEGIN PRIVATE KEY"), "\(openssl.output)")
      let script = """
        from cryptography.hazmat.primitives import serialization as s
        key = s.load_pem_private_key(open("key.pem", "rb").read(), b"swordfish")
        der = key.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
        print(der.hex())
        """
      let python = try await Tool.run("python3", ["-c", script], in: folder)
      #expect(python.output == key.publicKey.spki.map { String(format: "%02x", $0) }.joined() + "\n")
    }
  }

  @Test("keys that openssl wrote are read, with PBKDF2 too")
  func readFromOthers() async throws {
    try await withFolder { folder in
      let made = try await Tool.run(
        "openssl",
        [
          "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-aes-256-cbc", "-pass",
          "pass:swordfish", "-out", "key.pem",
        ], in: folder)
      #expect(made.succeeded, "\(made.output)")
      let pem = Secret(utf8: try String(contentsOf: folder.appending(path: "key.pem"), encoding: .utf8))
      let key = try PrivateKey(pem: pem, passphrase: Passphrase(Secret(utf8: "swordfish")))
      #expect(key.publicKey.algorithm == .p384)
    }
  }

  @Test("a wrong passphrase is its own error, and so is a missing one")
  func wrongPassphrase() throws {
    let sealed = try PrivateKey.generate().pem(encryptedWith: Passphrase(Secret(utf8: "right")))
    #expect(throws: TrustError.wrongPassphrase) {
      try PrivateKey(pem: sealed, passphrase: Passphrase(Secret(utf8: "wrong")))
    }
    #expect(throws: TrustError.passphraseNeeded) { try PrivateKey(pem: sealed) }
  }

  @Test("a passphrase is neither empty nor longer than openssl takes")
  func passphraseBounds() throws {
    #expect(throws: TrustError.self) { try Passphrase(Secret(utf8: "")) }
    #expect(throws: TrustError.self) { try Passphrase(Secret(utf8: String(repeating: "a", count: 1024))) }
    _ = try Passphrase(Secret(utf8: String(repeating: "a", count: 1023)))
  }

  @Test("a key that asks for years of work to open is refused at once")
  func expensiveKey() async throws {
    try await withFolder { folder in
      let key = try PrivateKey.generate()
      try key.pem().write(to: folder.appending(path: "plain.pem"))
      let made = try await Tool.run(
        "openssl",
        [
          "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", "10000000", "-in", "plain.pem", "-passout", "pass:a",
          "-outform", "DER", "-out", "key.der",
        ], in: folder)
      #expect(made.succeeded, "\(made.output)")
      var der = [UInt8](try Data(contentsOf: folder.appending(path: "key.der")))
      // 10,000,000 as an INTEGER becomes 2³¹ - 129 with one of the same length.
      let count = try #require(der.firstRange(of: [0x02, 0x04, 0x00, 0x98, 0x96, 0x80]))
      der.replaceSubrange(count, with: [0x02, 0x04, 0x7f, 0xff, 0xff, 0x7f])
      let began = Date()
      #expect(throws: TrustError.keyRefused(reason: "its encryption asks for too much work")) {
        try PrivateKey(
          pem: Self.pem("ENCRYPTED PRIVATE KEY", der), passphrase: Passphrase(Secret(utf8: "a")))
      }
      #expect(Date().timeIntervalSince(began) < 5)
    }
  }

  @Test("a file with the halves of two keys is refused")
  func mismatchedHalves() throws {
    let (a, b) = (try PrivateKey.generate(), try PrivateKey.generate())
    func der(_ key: PrivateKey) throws -> [UInt8] {
      let lines = try key.pem().exposedText.split(separator: "\n").dropFirst().dropLast()
      return [UInt8](try #require(Data(base64Encoded: lines.joined())))
    }
    // PKCS#8 of a P-256 key ends with the 65 bytes of its public point.
    let mixed = try der(a).dropLast(65) + der(b).suffix(65)
    #expect(throws: TrustError.self) { try PrivateKey(pem: Self.pem("PRIVATE KEY", Array(mixed))) }
    _ = try PrivateKey(pem: Self.pem("PRIVATE KEY", der(a)))
  }

  @Test(
    "kinds of keys that aren't accepted are refused",
    arguments: [
      ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
      ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
      ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
      ["-algorithm", "X25519"],
      ["-algorithm", "ED448"],
    ])
  func refusedKinds(arguments: [String]) async throws {
    try await withFolder { folder in
      let made = try await Tool.run("openssl", ["genpkey", "-out", "key.pem"] + arguments, in: folder)
      #expect(made.succeeded, "\(made.output)")
      let pem = Secret(utf8: try String(contentsOf: folder.appending(path: "key.pem"), encoding: .utf8))
      #expect(throws: TrustError.self) { try PrivateKey(pem: pem) }
    }
  }

  @Test("no description, mirror, dump or error shows a key or a passphrase")
  func nothingShows() throws {
    let key = try PrivateKey.generate()
    let pem = try key.pem()
    let body = try #require(pem.exposedText.split(separator: "\n").dropFirst().first)
    let passphrase = try Passphrase(Secret(utf8: "swordfish"))
    var dumped = ""
    dump((key, pem, passphrase), to: &dumped)
    let shown = "\(key) \(pem) \(passphrase) \(String(reflecting: key)) \(String(reflecting: pem)) \(dumped)"
    #expect(!shown.contains(body) && !shown.contains("swordfish"))
    #expect("\(key)" == "private key (p256)")
    #expect("\(pem)" == "secret (\(pem.count) bytes)")
    let damaged = Secret(utf8: pem.exposedText.replacing("M", with: "?"))
    #expect { try PrivateKey(pem: damaged) } throws: { !"\($0)".contains(body.dropFirst(4)) }
  }

  static func pem(_ label: String, _ der: [UInt8]) -> Secret {
    Secret(
      utf8:
        "-----BEGIN \(label)-----\n\(Data(der).base64EncodedString(options: .lineLength64Characters))\n-----END \(label)-----\n"
    )
  }
}
