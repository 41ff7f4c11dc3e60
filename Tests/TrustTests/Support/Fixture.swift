import Foundation
import Synchronization
import Testing
import Trust

/// A root, a project and some certificates of one key type, made `age` ago.
struct Fixture {
  let keyType: KeyType
  let now: Date
  let root: CertificateAuthority
  let project: ProjectAuthority

  var authority: CertificateAuthority { project.authority }

  init(_ keyType: KeyType = .p256, project name: String = "acme", now: Date = Date(), age: TimeInterval = 20 * 86_400)
    throws
  {
    self.keyType = keyType
    self.now = now
    root = try .root(
      named: DistinguishedName(commonName: "cpbuild root"), key: TestKeys.key(keyType, .root), now: now - age,
      crlLocation: CRLLocation("http://crl.example/root.crl"))
    project = try Self.project(name, below: root, keyType, now: now - age)
  }

  static func project(
    _ name: String, generation: Int = 1, below root: CertificateAuthority, _ keyType: KeyType, now: Date
  ) throws -> ProjectAuthority {
    try ProjectAuthority(
      root.issueAuthority(
        named: ProjectAuthority.name(project: name, generation: generation),
        key: TestKeys.key(keyType, .project(name, generation)), now: now,
        crlLocation: CRLLocation("http://crl.example/\(name).crl")))
  }

  /// A user's certificate and key from `issuer`, or from this project's CA.
  func client(_ name: String, from issuer: CertificateAuthority? = nil, now: Date? = nil, days: Int = 30) throws
    -> (certificate: Certificate, key: PrivateKey)
  {
    let key = try TestKeys.key(keyType, .leaf)
    let certificate = try (issuer ?? authority).issueClient(
      named: DistinguishedName(commonName: name, organization: "acme"), publicKey: key.publicKey,
      now: now ?? self.now, lifetime: Lifetime(days: days))
    return (certificate, key)
  }

  func server(_ name: String = "acme-vpn") throws -> (certificate: Certificate, key: PrivateKey) {
    let key = try TestKeys.key(keyType, .leaf)
    let certificate = try authority.issueServer(
      named: DistinguishedName(commonName: name, organization: "acme"), dnsNames: [DNSName("vpn.acme.example")],
      publicKey: key.publicKey, now: now)
    return (certificate, key)
  }
}

/// Keys for tests: fresh ones, but for RSA, whose keys take seconds to make. Those are shared by role, and RSA-4096 is left
/// to the one CA that most tests are about.
enum TestKeys {
  enum Role: Hashable {
    case root
    case project(String, Int)
    case leaf
  }

  private static let pool = Mutex<[String: PrivateKey]>([:])

  static func key(_ type: KeyType, _ role: Role) throws -> PrivateKey {
    guard type == .rsa3072 || type == .rsa4096 else { return try .generate(type) }
    let made = role == .project("acme", 1) ? type : .rsa3072
    return try pool.withLock { pool in
      let name = "\(made) \(role)"
      if let key = pool[name] { return key }
      let key = try PrivateKey.generate(made)
      pool[name] = key
      return key
    }
  }
}

extension Secret {
  /// The bytes, for comparing with what other programs say.
  var exposed: [UInt8] { withUnsafeBytes { Array($0) } }
  var exposedText: String { String(decoding: exposed, as: UTF8.self) }

  func write(to file: URL) throws {
    try Data(exposed).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
  }
}

extension String {
  func write(to file: URL) throws { try Data(utf8).write(to: file) }
}

/// A generator with a seed (SplitMix64), so that a failure can be had again.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Whether the error is a `TrustError` of this case, whatever is in it.
func isTrustError(_ error: any Error, _ matches: (TrustError) -> Bool) -> Bool {
  (error as? TrustError).map(matches) ?? false
}
