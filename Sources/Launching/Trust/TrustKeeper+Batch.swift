import Foundation
public import Names
import State
public import Trust

extension TrustKeeper {
  /// Issues a certificate with a key made here to each of several users of the project: to all of them in one
  /// transaction, or to none.
  ///
  /// One by one each of them waits for the disk; a thousand together wait once.
  ///
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`.
  public func addUsers(
    _ users: [UserName], to project: ProjectID, lifetime: Lifetime? = nil
  ) async throws -> [IssuedUser] {
    let issuer = try await issuing(project)
    let tunnelKey = try await tunnelKey(of: project)
    let (moment, life) = (now, lifetime ?? configuration.trust.lifetimes.client)
    let made = try users.map { user in
      let key = try PrivateKey.generate(configuration.trust.keyType)
      let name = try DistinguishedName(commonName: user.text, organization: project.text)
      let certificate = try issuer.authority.issueClient(
        named: name, publicKey: key.publicKey, now: moment, lifetime: life)
      return (certificate: certificate, key: key, tlsCrypt: try tunnelKey.issueClientKey(.timestamp(moment)))
    }
    let anchors = try await state.write { state in
      for (user, made) in zip(users, made) {
        try state.record(made.certificate, by: issuer.row, of: user, in: project, renewing: false, at: moment)
      }
      return try state.authorities.trusted(of: project).compactMap(\.anchor)
    }
    let authorities = try anchors.map { try Trust.Certificate(der: Array($0)) }
    return made.map {
      IssuedUser(certificate: $0.certificate, key: $0.key, tlsCrypt: $0.tlsCrypt, authorities: authorities)
    }
  }
}

extension Transaction {
  /// Stores a user's new certificate; unless it is a renewal, the user may have none that is valid.
  func record(
    _ made: Trust.Certificate, by authority: Authority, of user: UserName, in project: ProjectID, renewing: Bool,
    at moment: Date
  ) throws {
    try requireIssuing(authority.id, project)
    if renewing { try requireRenewable(user, of: project) }
    let lineage = try lineages.ensure(user, of: project, at: moment)
    if !renewing, let newest = try certificates.newest(in: lineage.id), newest.notAfter > moment {
      throw TrustKeeperError.userExists(user, project, until: newest.notAfter)
    }
    try certificates.insert(
      State.Certificate(
        authorityId: authority.id, serial: State.SerialNumber(bytes: made.serial.octets), lineageId: lineage.id,
        certificate: Data(made.der), notBefore: made.notBefore, notAfter: made.notAfter, createdAt: moment))
  }
}
