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
    let (moment, life) = (now, lifetime ?? configuration.trust.lifetimes.client)
    let made = try users.map {
      try issuer.authority.issue(
        to: $0, of: project, keyType: configuration.trust.keyType, now: moment, lifetime: life)
    }
    return try await store(made, by: issuer.row, of: project, renewing: false, at: moment)
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
