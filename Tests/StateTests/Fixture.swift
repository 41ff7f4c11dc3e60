import Foundation
import Host
import Names
import State
import SystemPackage

/// A home folder that is gone when the test is done, however it ends.
@discardableResult
func withHome<Result>(_ body: (Home) async throws -> Result) async throws -> Result {
  let path = FilePath(FileManager.default.temporaryDirectory.path).appending("cpbuild-state-\(UUID().uuidString)")
  defer { try? Folder.remove(path) }
  try Folder.make(path, mode: 0o700)
  return try await body(Home(path.appending("home")))
}

/// The same with the state open.
@discardableResult
func withStore<Result>(_ body: (StateStore) async throws -> Result) async throws -> Result {
  try await withHome { home in
    let store = try await StateStore.open(home)
    let result = try await body(store)
    try store.close()
    return result
  }
}

/// What tests fill a state with.
enum Sample {
  /// A whole second in 2026.
  static let now = Date(timeIntervalSince1970: 1_780_000_000)
  static let day: TimeInterval = 86400

  static func network(_ project: String = "acme", _ name: String = "default") throws -> NetworkID {
    NetworkID(project: try ProjectID(project), name: try NetworkName(name))
  }

  /// A project with a bridged network.
  @discardableResult
  static func addNetwork(
    _ project: String = "acme", _ name: String = "default", cidr: String = "10.1.0.0/24", to state: Transaction
  ) throws -> Network {
    let id = try network(project, name)
    try state.projects.ensure(id.project, at: now)
    let network = try Network(id: id, cidr: IPv4Network(cidr), mode: .bridged, createdAt: now)
    try state.networks.insert(network)
    return network
  }

  /// The project's authority, and the root's before it. Their certificates are no certificates, only different bytes.
  @discardableResult
  static func addAuthority(
    _ project: String = "acme", stage: AuthorityStage = .active, keyFile: KeyFile? = nil, to state: Transaction
  ) throws -> Authority {
    let id = try ProjectID(project)
    try state.projects.ensure(id, at: now)
    let root = try state.authorities.active(of: nil) ?? state.authorities.insert(authority(nil, issuer: nil))
    var new = try authority(id, issuer: root.id)
    new.stage = stage
    new.keyFile = keyFile
    return try state.authorities.insert(new)
  }

  static func authority(_ project: ProjectID?, issuer: Int64?) throws -> NewAuthority {
    NewAuthority(
      project: project, stage: .active, issuer: issuer, serial: try randomSerial(),
      certificate: Data(UUID().uuidString.utf8), keyType: .p256, keyFile: nil, notBefore: now,
      notAfter: now + 3650 * day, createdAt: now)
  }

  @discardableResult
  static func addCertificate(
    _ user: String = "alice", of authority: Authority, serial: SerialNumber? = nil, ends: Date = now + 30 * day,
    to state: Transaction
  ) throws -> Certificate {
    let lineage = try state.lineages.ensure(UserName(user), of: ProjectID("acme"), at: now)
    let certificate = try Certificate(
      authorityId: authority.id, serial: serial ?? randomSerial(), lineageId: lineage.id,
      certificate: Data("certificate of \(user)".utf8), notBefore: now, notAfter: ends, createdAt: now)
    try state.certificates.insert(certificate)
    return certificate
  }

  @discardableResult
  static func addCRL(of authority: Authority, at date: Date = now, to state: Transaction) throws -> CRL {
    let number = try state.crls.allocateNumber(for: authority.id)
    let crl = CRL(
      authorityId: authority.id, number: number, thisUpdate: date, nextUpdate: date + 7 * day,
      crl: Data("crl \(number)".utf8))
    try state.crls.insert(crl)
    return crl
  }

  static func randomSerial() throws -> SerialNumber {
    try SerialNumber(bytes: (0..<16).map { _ in UInt8.random(in: 1...255) })
  }
}
