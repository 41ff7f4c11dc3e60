import Foundation
public import Names
public import State
import Trust

/// What a revocation did in one project.
public struct UserRevocation: Sendable, Equatable {
  public let project: ProjectID
  /// The serial numbers that are revoked now and weren't before.
  public let serials: [String]
  /// The number of the project's newest CRL.
  public let crl: Int64
}

extension TrustKeeper {
  /// Revokes all of a user's certificates in the project, or the one with a serial number. Row and new CRL are one
  /// transaction; doing it again changes nothing.
  ///
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`.
  public func revoke(
    _ user: UserName, of project: ProjectID, serial: State.SerialNumber? = nil,
    reason: State.RevocationReason = .unspecified
  ) async throws -> UserRevocation {
    let order = Order(user: user, serial: serial, reason: reason)
    let done = try await carryOut(order) { state in
      guard try state.projects.find(project) != nil else { throw TrustKeeperError.noProject(project) }
      let lineages = try state.lineages.all(of: user, in: project)
      guard !lineages.isEmpty else { throw TrustKeeperError.noUser(user, project) }
      return lineages
    }
    guard let first = done.first else { throw TrustKeeperError.noUser(user, project) }
    return first
  }

  /// Revokes all of a user's certificates in every project, in one transaction.
  ///
  /// - Returns: what it did in each project that knows the user, ordered by project.
  /// - Throws: as for one project.
  public func revokeEverywhere(
    _ user: UserName, reason: State.RevocationReason = .unspecified
  ) async throws -> [UserRevocation] {
    try await carryOut(Order(user: user, serial: nil, reason: reason)) { state in
      let lineages = try state.lineages.all(of: user)
      guard !lineages.isEmpty else { throw TrustKeeperError.unknownUser(user) }
      return lineages
    }
  }

  private struct Order {
    let user: UserName
    let serial: State.SerialNumber?
    let reason: State.RevocationReason
  }

  private func carryOut(
    _ order: Order, on find: @escaping @Sendable (Transaction) throws -> [Lineage]
  ) async throws -> [UserRevocation] {
    let moment = now
    let lifetime = configuration.trust.lifetimes.crl
    while true {
      // Opened beforehand: an encrypted key takes longer than anybody should wait for the write lock.
      let rows = try await state.read { state in
        try Set(find(state).map(\.projectId)).flatMap { try state.authorities.trusted(of: $0) }
      }
      let opened = try Dictionary(uniqueKeysWithValues: rows.map { ($0.id, try open($0)) })
      let done = try await state.write { state -> [UserRevocation]? in
        let projects = Dictionary(grouping: try find(state), by: \.projectId)
        let trusted = try projects.keys.flatMap { try state.authorities.trusted(of: $0) }
        // Another process made a CA, or a user, meanwhile.
        guard trusted.allSatisfy({ opened[$0.id] != nil }) else { return nil }
        return try projects.sorted { $0.key < $1.key }.map { project, lineages in
          let (serials, changed) = try state.revoke(
            lineages, order.user, project, serial: order.serial, reason: order.reason, at: moment)
          for id in changed {
            // A retired CA has none: nobody trusts it any more, and so nobody reads its CRL.
            if let authority = opened[id] { try state.sign(authority, id: id, now: moment, lifetime: lifetime) }
          }
          return UserRevocation(project: project, serials: serials, crl: try state.crlNumber(of: project))
        }
      }
      guard let done else { continue }
      try await state.exports.write()
      return done
    }
  }
}

extension Transaction {
  fileprivate func crlNumber(of project: ProjectID) throws -> Int64 {
    try authorities.active(of: project).flatMap { try crls.newest(of: $0.id)?.number } ?? 0
  }

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
