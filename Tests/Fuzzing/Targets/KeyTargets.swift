import Foundation
import Trust

/// Files that hold private keys.
struct KeyTargets {
  private let plain: [[UInt8]]
  private let encrypted: [[UInt8]]
  private let passphrase: Passphrase
  private let server: TLSCryptServerKey
  private let tlsCrypt: [[UInt8]]

  init() throws {
    passphrase = try Passphrase(Secret(utf8: "correct horse"))
    let keys = try [KeyType.p256, .p384, .ed25519].map { try PrivateKey.generate($0) }
    plain = try keys.map { Self.bytes(try $0.pem()) }
    encrypted = [Self.bytes(try keys[0].pem(encryptedWith: passphrase))]
    server = try .generate()
    tlsCrypt = [
      Self.bytes(server.pem), Self.bytes(try server.issueClientKey(.user([1, 2, 3])).pem),
      Self.bytes(try server.issueClientKey(.timestamp(Date(timeIntervalSince1970: 1_780_000_000))).pem),
    ]
  }

  private static let words = ["-----BEGIN ", "PRIVATE KEY-----\n", "ENCRYPTED ", "-----END ", "\n", "=", "MIG", "AAAA"]

  var all: [FuzzTarget] {
    [
      FuzzTarget("private key", weight: 40, samples: plain, mutator: Mutator(words: Self.words), judge: privateKey),
      // What is good is opened, which takes a tenth of a second on purpose. The C library keeps the memory for the next
      // one: 64 MiB at most, and whether a run of few inputs asks for them early or late is chance.
      FuzzTarget(
        "encrypted private key", weight: 2, growthLimit: 80 << 20, make: damagedEncrypted, judge: privateKey),
      FuzzTarget("tls-crypt-v2 key", samples: tlsCrypt, mutator: Mutator(words: Self.words), judge: tlsCryptKey),
    ]
  }

  private func damagedEncrypted(_ generator: inout SeededGenerator) -> [UInt8] {
    let lines = String(decoding: encrypted[0], as: UTF8.self).split(separator: "\n")
    let whole = Data(base64Encoded: lines.dropFirst().dropLast().joined()).map { [UInt8]($0) } ?? []
    // The head says how the key is encrypted, and how much work that is.
    let head = DERMutator().damaged([whole], &generator)
    let der = generator.once(in: 3) ? Mutator().damaged([whole], &generator) : head
    let base64 = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    return Array("-----BEGIN ENCRYPTED PRIVATE KEY-----\n\(base64)\n-----END ENCRYPTED PRIVATE KEY-----\n".utf8)
  }

  private func privateKey(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    try verdict(TrustError.self) { _ = try PrivateKey(pem: Self.secret(bytes), passphrase: passphrase).pem() }
  }

  private func tlsCryptKey(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    let secret = Self.secret(bytes)
    let verdicts = try [
      verdict(TrustError.self) { _ = try TLSCryptServerKey(pem: secret).issueClientKey(.user([])) },
      verdict(TrustError.self) { _ = try server.metadata(of: TLSCryptClientKey(pem: secret)) },
    ]
    return verdicts.contains(.accepted) ? .accepted : .refused
  }

  private static func bytes(_ secret: Secret) -> [UInt8] { secret.withUnsafeBytes { Array($0) } }

  private static func secret(_ bytes: [UInt8]) -> Secret {
    var bytes = bytes
    return Secret(consuming: &bytes)
  }
}
