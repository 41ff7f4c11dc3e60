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

extension TrustKeeper {
  /// Issues a certificate to a user of the project.
  ///
  /// - Parameters:
  ///   - request: what the user's own key signed; a key is made here otherwise.
  ///   - renewing: the user has one, and keeps it. Somebody who was revoked isn't let in again by a renewal.
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`.
  public func addUser(
    _ user: UserName, to project: ProjectID, expiry: Expiry? = nil, keyType: Trust.KeyType? = nil,
    request: SigningRequest? = nil, renewing: Bool = false
  ) async throws -> IssuedUser {
    let issuer = try await issuer(of: project)
    let moment = now
    let life = try (expiry ?? .after(configuration.trust.lifetimes.client)).lifetime(from: moment)
    let made = try issuer.issue(
      to: user, of: project, request: request, keyType: keyType ?? configuration.trust.keyType, now: moment,
      lifetime: life)
    let issued = try await store([made], by: issuer.row.id, of: project, renewing: renewing, at: moment)
    guard let only = issued.first else { throw TrustKeeperError.noUser(user, project) }
    return only
  }

  /// Stores certificates that were just made, all of them in one transaction or none.
  func store(
    _ made: [MadeCertificate], by issuer: Int64, of project: ProjectID, renewing: Bool, at moment: Date
  ) async throws -> [IssuedUser] {
    let anchors = try await state.write { state in
      try state.requireIssuing(issuer, project)
      for made in made { try state.record(made, by: issuer, in: project, renewing: renewing, at: moment) }
      return try state.authorities.anchors(of: project)
    }
    let authorities = try anchors.map { try Trust.Certificate(der: Array($0)) }
    return made.map {
      IssuedUser(certificate: $0.certificate, key: $0.key, tlsCrypt: $0.tlsCrypt, authorities: authorities)
    }
  }
}

/// A user's certificate that isn't stored yet, and what goes with it.
struct MadeCertificate: Sendable {
  let user: UserName
  let certificate: Trust.Certificate
  /// Nil when the user made it.
  let key: PrivateKey?
  let tlsCrypt: TLSCryptClientKey
}

extension TrustKeeper.Issuer {
  /// Makes a certificate for a user: for the key that signed `request`, for a new one where there is no request.
  func issue(
    to user: UserName, of project: ProjectID, request: SigningRequest? = nil, keyType: Trust.KeyType, now: Date,
    lifetime: Lifetime
  ) throws -> MadeCertificate {
    let name = try DistinguishedName(commonName: user.text, organization: project.text)
    let tlsCrypt = try tunnelKey.issueClientKey(.timestamp(now))
    if let request {
      let certificate = try authority.issueClient(named: name, for: request, now: now, lifetime: lifetime)
      return MadeCertificate(user: user, certificate: certificate, key: nil, tlsCrypt: tlsCrypt)
    }
    let key = try PrivateKey.generate(keyType)
    let certificate = try authority.issueClient(named: name, publicKey: key.publicKey, now: now, lifetime: lifetime)
    return MadeCertificate(user: user, certificate: certificate, key: key, tlsCrypt: tlsCrypt)
  }
}

extension Transaction {
  /// - Throws: ``TrustKeeperError`` unless the user has a certificate that isn't revoked.
  func requireRenewable(_ user: UserName, of project: ProjectID) throws {
    let all = try lineages.all(of: user, in: project)
    guard !all.isEmpty else { throw TrustKeeperError.noUser(user, project) }
    guard try all.contains(where: { try $0.revokedAt == nil && certificates.newest(in: $0.id) != nil }) else {
      throw TrustKeeperError.nothingToRenew(user, project)
    }
  }
}
