import Foundation
import Glibc
import Trust

/// Certificates for a key that is there, one after the other on one core.
enum Signing {
  static func run(_ type: String, seconds limit: Int) throws {
    guard let type = KeyType(rawValue: type) else { exit(64) }
    let authority = try CertificateAuthority.root(
      named: DistinguishedName(commonName: "bench"), key: .generate(type), now: Date())
    let (user, name) = (try PrivateKey.generate().publicKey, try DistinguishedName(commonName: "alice"))
    let now = Date()
    let began = clock()
    var count = 0
    // Processor time, as 'openssl speed' has it.
    while Double(clock() - began) / Double(CLOCKS_PER_SEC) < Double(limit) {
      for _ in 0..<16 { _ = try authority.issueClient(named: name, publicKey: user, now: now) }
      count += 16
    }
    try say(["count": Double(count), "seconds": Double(clock() - began) / Double(CLOCKS_PER_SEC)])
  }
}

/// A CRL.
enum List {
  static func run(_ entries: Int) throws {
    let authority = try CertificateAuthority.root(
      named: DistinguishedName(commonName: "bench"), key: .generate(), now: Date())
    let now = Date()
    let revocations = try (0..<entries).map { _ in
      Revocation(serial: try .random(), revokedAt: now, reason: .keyCompromise)
    }
    let began = ContinuousClock.now
    let list = try authority.revocationList(number: 1, revocations: revocations, now: now)
    try say(["seconds": (ContinuousClock.now - began) / .seconds(1), "bytes": Double(list.der.count)])
  }
}
