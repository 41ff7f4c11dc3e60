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
      try state.record(made, by: issuer.row, of: user, in: project, renewing: renewing, at: moment)
      return try state.authorities.trusted(of: project).compactMap(\.anchor)
    }
    return IssuedUser(
      certificate: made, key: key, tlsCrypt: tlsCrypt,
      authorities: try anchors.map { try Trust.Certificate(der: Array($0)) })
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
