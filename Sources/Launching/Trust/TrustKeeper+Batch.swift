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
    let issuer = try await issuer(of: project)
    let (keyType, moment) = (configuration.trust.keyType, now)
    let life = lifetime ?? configuration.trust.lifetimes.client
    let made = try await users.concurrently {
      try issuer.issue(to: $0, of: project, keyType: keyType, now: moment, lifetime: life)
    }
    return try await store(made, by: issuer.row.id, of: project, renewing: false, at: moment)
  }
}

extension Array where Element: Sendable {
  /// What `transform` makes of each, in order; one part of the elements for each processor.
  fileprivate func concurrently<Result: Sendable>(
    _ transform: @escaping @Sendable (Element) throws -> Result
  ) async throws -> [Result] {
    let size = Swift.max(1, (count - 1) / ProcessInfo.processInfo.activeProcessorCount + 1)
    return try await withThrowingTaskGroup(of: (Int, [Result]).self) { group in
      for start in stride(from: 0, to: count, by: size) {
        let part = self[start..<Swift.min(start + size, count)]
        group.addTask { (start, try part.map(transform)) }
      }
      return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.flatMap(\.1)
    }
  }
}

extension Transaction {
  /// Stores a user's new certificate; unless it is a renewal, the user may have none that is valid.
  func record(
    _ made: MadeCertificate, by authority: Int64, in project: ProjectID, renewing: Bool, at moment: Date
  ) throws {
    if renewing { try requireRenewable(made.user, of: project) }
    let lineage = try lineages.ensure(made.user, of: project, at: moment)
    if !renewing, let newest = try certificates.newest(in: lineage.id), newest.notAfter > moment {
      throw TrustKeeperError.userExists(made.user, project, until: newest.notAfter)
    }
    let certificate = made.certificate
    try certificates.insert(
      State.Certificate(
        authorityId: authority, serial: State.SerialNumber(bytes: certificate.serial.octets), lineageId: lineage.id,
        certificate: Data(certificate.der), notBefore: certificate.notBefore, notAfter: certificate.notAfter,
        createdAt: moment))
  }
}
