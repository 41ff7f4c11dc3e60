import Foundation
public import Names
public import State
public import Trust

/// A certificate that a user just got, with all that their client needs beside the way to a cloudpipe.
public struct IssuedUser: Sendable {
  public let certificate: Trust.Certificate
  /// The private key; nil when the user made it and handed in a request.
  public let key: PrivateKey?
  public let tlsCrypt: TLSCryptClientKey
  /// The anchors of the project's CAs.
  public let authorities: [Trust.Certificate]

  /// The profile for one network's cloudpipe.
  ///
  /// - Parameter keyFile: what the file with the user's own key is called, where there was a request.
  /// - Throws: `TrustError`.
  public func profile(
    for network: NetworkID, mode: VPNMode, remotes: [Remote], keyFile: String = "client.key"
  ) throws -> Profile {
    try Profile(
      remotes: remotes, device: mode == .bridged ? .tap : .tun, serverName: LaunchedNames.instance(of: network),
      authorities: authorities, certificate: certificate, key: key.map { .inline($0) } ?? .file(keyFile),
      tlsCrypt: tlsCrypt)
  }
}

/// What a revocation did.
public struct UserRevocation: Sendable, Equatable {
  /// The serial numbers that are revoked now and weren't before.
  public let serials: [String]
}

extension TrustKeeper {
  /// Issues a certificate to a user of the project.
  ///
  /// - Parameters:
  ///   - request: what the user's own key signed; a key is made here otherwise.
  ///   - renewing: the user may have one that is valid, and keeps it.
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`.
  public func addUser(
    _ user: UserName, to project: ProjectID, lifetime: Lifetime? = nil, keyType: Trust.KeyType? = nil,
    request: SigningRequest? = nil, renewing: Bool = false
  ) async throws -> IssuedUser {
    let issuer = try await issuing(project)
    let key = request == nil ? try PrivateKey.generate(keyType ?? configuration.trust.keyType) : nil
    let name = try DistinguishedName(commonName: user.text, organization: project.text)
    let (moment, life) = (now, lifetime ?? configuration.trust.lifetimes.client)
    let made: Trust.Certificate
    if let request {
      made = try issuer.authority.issueClient(named: name, for: request, now: moment, lifetime: life)
    } else if let key {
      made = try issuer.authority.issueClient(named: name, publicKey: key.publicKey, now: moment, lifetime: life)
    } else {
      throw TrustKeeperError.noKey(authority: user.text)
    }
    let tlsCrypt = try await tunnelKey(of: project).issueClientKey(.timestamp(moment))
    let anchors = try await state.write { state in
      try state.requireIssuing(issuer.row.id, project)
      let lineage = try state.lineages.ensure(user, of: project, at: moment)
      if !renewing, let newest = try state.certificates.newest(in: lineage.id), newest.notAfter > moment {
        throw TrustKeeperError.userExists(user, project, until: newest.notAfter)
      }
      try state.certificates.insert(
        State.Certificate(
          authorityId: issuer.row.id, serial: State.SerialNumber(bytes: made.serial.octets), lineageId: lineage.id,
          certificate: Data(made.der), notBefore: made.notBefore, notAfter: made.notAfter, createdAt: moment))
      return try state.authorities.trusted(of: project).compactMap(\.anchor)
    }
    return IssuedUser(
      certificate: made, key: key, tlsCrypt: tlsCrypt,
      authorities: try anchors.map { try Trust.Certificate(der: Array($0)) })
  }

  /// Revokes all of a user's certificates in the project, or the one with a serial number. Row and new CRL are one
  /// transaction; doing it again changes nothing.
  ///
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`.
  public func revoke(
    _ user: UserName, of project: ProjectID, serial: State.SerialNumber? = nil,
    reason: State.RevocationReason = .unspecified
  ) async throws -> UserRevocation {
    let moment = now
    let lifetime = configuration.trust.lifetimes.crl
    let rows = try await state.read { try $0.authorities.trusted(of: project) }
    // Opened beforehand: an encrypted key takes longer than anybody should wait for the write lock.
    let authorities = try Dictionary(uniqueKeysWithValues: rows.map { ($0.id, try open($0)) })
    let revoked = try await state.write { state in
      let lineages = try state.lineages.all(of: user, in: project)
      guard !lineages.isEmpty else { throw TrustKeeperError.noUser(user, project) }
      let (serials, changed) = try state.revoke(lineages, user, project, serial: serial, reason: reason, at: moment)
      for id in changed {
        if let authority = authorities[id] {
          try state.sign(authority, id: id, now: moment, lifetime: lifetime)
        }
      }
      return serials
    }
    try await state.exports.write()
    return UserRevocation(serials: revoked)
  }
}

extension Transaction {
  fileprivate func revoke(
    _ lineages: [Lineage], _ user: UserName, _ project: ProjectID, serial: State.SerialNumber?,
    reason: State.RevocationReason, at moment: Date
  ) throws -> (serials: [String], authorities: [Int64]) {
    let all = try lineages.flatMap { try certificates.all(in: $0.id) }
    guard let serial else {
      let fresh = try all.filter { try revocations.find($0.serial, of: $0.authorityId) == nil }
      let changed = try lineages.flatMap { try revocations.revoke(lineage: $0.id, reason: reason, at: moment) }
      return (fresh.map(\.serial.text), Set(changed).sorted())
    }
    guard let certificate = all.first(where: { $0.serial == serial }) else {
      throw TrustKeeperError.noCertificate(serial: serial.text, user, project)
    }
    let isNew = try revocations.insert(
      State.Revocation(
        authorityId: certificate.authorityId, serial: serial, reason: reason, revokedAt: moment,
        expiresAt: certificate.notAfter))
    return isNew ? ([serial.text], [certificate.authorityId]) : ([], [])
  }
}
