import Foundation
import Names
import State
import Trust

extension TrustKeeper {
  /// Each generation has a name of its own, as a project's CA has.
  static func rootName(generation: Int) -> String { "cpbuild root CA" + (generation > 1 ? " \(generation)" : "") }

  /// The root CA that signs projects' CAs, made if there is none.
  func root() async throws -> (row: Authority, authority: CertificateAuthority) {
    if let row = try await state.read({ try $0.authorities.active(of: nil) }) { return (row, try open(row)) }
    let generation = try await state.read { try $0.authorities.nextGeneration(of: nil) }
    let row = try await add(
      makeRoot(generation: generation), generation: generation, project: nil, issuer: nil, anchor: nil)
    return (row, try open(row))
  }

  func makeRoot(generation: Int) throws -> CertificateAuthority {
    try CertificateAuthority.root(
      named: DistinguishedName(commonName: Self.rootName(generation: generation)),
      key: .generate(configuration.trust.keyType), now: now, lifetime: configuration.trust.lifetimes.root,
      crlLocation: location(of: nil, generation: generation))
  }

  /// Every root that is trusted, ready to sign its CRL.
  func roots() async throws -> [Int64: CertificateAuthority] {
    let rows = try await state.read { try $0.authorities.trusted(of: nil) }
    return try Dictionary(uniqueKeysWithValues: rows.map { ($0.id, try open($0)) })
  }

  /// Makes the project's CA where there is none: its first one, or after a restore took it away.
  func makeAuthority(of project: ProjectID) async throws {
    let root = try await root()
    let generation = try await state.read { try $0.authorities.nextGeneration(of: project) }
    let made = try issue(by: root.authority, to: project, generation: generation)
    _ = try await add(made, generation: generation, project: project, issuer: root.row.id, anchor: made.anchor())
  }

  /// A new CA for the project, with a new key.
  func issue(
    by root: CertificateAuthority, to project: ProjectID, generation: Int
  ) throws -> CertificateAuthority {
    try root.issueAuthority(
      named: ProjectAuthority.name(project: project.text, generation: generation),
      key: .generate(configuration.trust.keyType), now: now, lifetime: configuration.trust.lifetimes.project,
      crlLocation: location(of: project, generation: generation))
  }

  /// What certificates of the project are issued with.
  struct Issuer: Sendable {
    let row: Authority
    let authority: CertificateAuthority
    let tunnelKey: TLSCryptServerKey
  }

  func issuer(of project: ProjectID) async throws -> Issuer {
    let (row, tunnelKey) = try await state.read { state in
      guard let row = try state.authorities.active(of: project), let key = try state.tunnelKeys.find(of: project) else {
        throw TrustKeeperError.noProject(project)
      }
      try state.requireIssuing(row.id, project)
      return (row, key.keyFile)
    }
    let authority = try open(row)
    if row.anchor == nil {
      // From a state of before anchors were stored.
      let anchor = Data(try authority.anchor().der)
      try await state.write { try $0.authorities.setAnchor(anchor, of: row.id) }
    }
    return Issuer(row: row, authority: authority, tunnelKey: try TLSCryptServerKey(pem: keyring.secret(tunnelKey)))
  }

  func open(_ row: Authority) throws -> CertificateAuthority {
    try CertificateAuthority(
      certificate: Trust.Certificate(der: Array(row.certificate)), key: keyring.privateKey(of: row),
      crlLocation: location(of: row.projectId, generation: row.generation))
  }

  /// Where the CRL of one generation of a CA is published. Each generation signs its own, and so has its own place.
  func location(of project: ProjectID?, generation: Int) throws -> CRLLocation? {
    let owner = project.map { "projects/\($0)" } ?? "root"
    return try configuration.trust.crlAddress.map { try CRLLocation("\($0)/\(owner)/\(generation).crl") }
  }

  /// Stores a CA with its key and first CRL, unless another process was first; gives the one that there is.
  private func add(
    _ made: CertificateAuthority, generation: Int, project: ProjectID?, issuer: Int64?, anchor: Trust.Certificate?
  ) async throws -> Authority {
    let (moment, lifetime) = (now, configuration.trust.lifetimes.crl)
    let new = try written(made, project: project, stage: .active, issuer: issuer, anchor: anchor)
    let (row, isOurs) = try await state.write { state in
      if let row = try state.authorities.active(of: project) { return (row, false) }
      if let project { try state.projects.ensure(project, at: moment) }
      let row = try state.authorities.insert(new)
      guard row.generation == generation else {
        throw project.map { .authorityReplaced($0) } ?? TrustKeeperError.rootReplaced
      }
      try state.sign(made, id: row.id, now: moment, lifetime: lifetime)
      return (row, true)
    }
    if !isOurs, let file = new.keyFile { try state.keys.remove(file) }
    return row
  }

  /// Writes the key of a new CA, and gives the row that is to be inserted.
  func written(
    _ made: CertificateAuthority, project: ProjectID?, stage: AuthorityStage, issuer: Int64?,
    anchor: Trust.Certificate?
  ) throws -> NewAuthority {
    let file = try KeyFile.authority("\(UUID().uuidString).pem")
    let passphrase = try keyring.passphrase()
    try keyring.write(try passphrase.map { try made.key.pem(encryptedWith: $0) } ?? made.key.pem(), as: file)
    return NewAuthority(
      project: project, stage: stage, issuer: issuer,
      serial: try State.SerialNumber(bytes: made.certificate.serial.octets), certificate: Data(made.certificate.der),
      keyType: State.KeyType(rawValue: configuration.trust.keyType.rawValue) ?? .p256, keyFile: file,
      keyIsEncrypted: passphrase != nil, notBefore: made.certificate.notBefore, notAfter: made.certificate.notAfter,
      createdAt: now, anchor: anchor.map { Data($0.der) })
  }
}

extension Transaction {
  /// Sees to it, in the transaction that stores what was issued, that the authority still may issue.
  ///
  /// - Throws: ``TrustKeeperError``.
  func requireIssuing(_ id: Int64, _ project: ProjectID) throws {
    let standing = try authorities.standing(of: id)
    guard standing.isActive else { throw TrustKeeperError.authorityReplaced(project) }
    if standing.isRevoked { throw TrustKeeperError.projectRevoked(project) }
  }

  /// Signs and stores the CA's next CRL, with the next number.
  func sign(_ authority: CertificateAuthority, id: Int64, now: Date, lifetime: Lifetime) throws {
    let number = try crls.allocateNumber(for: id)
    let listed = try revocations.listed(of: id).map { row in
      Trust.Revocation(
        serial: try Trust.SerialNumber(hex: row.serial.text), revokedAt: row.revokedAt, reason: row.reason.inCRL)
    }
    let list = try authority.revocationList(
      number: UInt64(number), revocations: listed, now: now, lifetime: lifetime)
    try crls.insert(
      CRL(
        authorityId: id, number: number, thisUpdate: list.thisUpdate, nextUpdate: list.nextUpdate,
        crl: Data(list.der)))
  }
}

extension State.RevocationReason {
  /// The same as `Trust` writes it.
  var inCRL: Trust.RevocationReason {
    switch self {
    case .unspecified: .unspecified
    case .keyCompromise: .keyCompromise
    case .caCompromise: .caCompromise
    case .affiliationChanged: .affiliationChanged
    case .superseded: .superseded
    case .cessationOfOperation: .cessationOfOperation
    case .certificateHold: .certificateHold
    case .privilegeWithdrawn: .privilegeWithdrawn
    case .aaCompromise: .aaCompromise
    }
  }
}
