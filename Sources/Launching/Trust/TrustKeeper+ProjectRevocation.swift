import Foundation
public import Names
public import State
import Trust

/// What the revocation of a whole project did.
public struct ProjectRevocation: Sendable, Equatable {
  /// Whether the project was revoked before, and so nothing was done.
  public let wasRevoked: Bool
  /// How many users and cloudpipes had what they have revoked.
  public let lineages: Int
}

extension TrustKeeper {
  /// Revokes a whole project in one transaction: its CAs are put on the root's CRL, for whoever checks the chain, and all
  /// certificates that they issued on their own, for its cloudpipe and users trust nothing else. Doing it again changes
  /// nothing.
  ///
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`, `HostError`.
  public func revoke(
    wholeProject project: ProjectID, reason: State.RevocationReason = .unspecified
  ) async throws -> ProjectRevocation {
    let rows = try await state.read { try $0.authorities.trusted(of: project) }
    guard !rows.isEmpty else { throw TrustKeeperError.noProject(project) }
    // Opened beforehand: an encrypted key takes longer than anybody should wait for the write lock.
    let authorities = try rows.map { (row: $0, authority: try open($0)) }
    let (roots, moment, lifetime) = (try await roots(), now, configuration.trust.lifetimes.crl)
    let done = try await state.write { state in
      let trusted = try state.authorities.trusted(of: project)
      guard trusted.map(\.id).sorted() == rows.map(\.id).sorted() else {
        throw TrustKeeperError.authorityReplaced(project)
      }
      let live = try state.lineages.live(in: project)
      let fresh = try trusted.filter { try !state.authorities.standing(of: $0.id).isRevoked }
      guard !live.isEmpty || !fresh.isEmpty else { return ProjectRevocation(wasRevoked: true, lineages: 0) }
      for lineage in live { _ = try state.revocations.revoke(lineage: lineage.id, reason: reason, at: moment) }
      let issuers = try fresh.flatMap { try state.revoke($0, reason: reason, at: moment) }
      for (row, authority) in authorities {
        try state.sign(authority, id: row.id, now: moment, lifetime: lifetime)
      }
      try state.sign(roots, of: issuers, now: moment, lifetime: lifetime)
      return ProjectRevocation(wasRevoked: false, lineages: live.count)
    }
    try await state.exports.write()
    return done
  }
}
