public import Names
public import State

/// What a revocation did, down to the cloudpipes that run.
public struct RevokedUser: Sendable {
  public let revocation: UserRevocation
  /// What became of the project's cloudpipes that run.
  public let cloudpipes: [(network: NetworkName, outcome: Outcome)]

  public enum Outcome: Sendable {
    case refreshed(CRLRefresh)
    /// It goes by the old CRL until it fetches the new one by itself, or for good where it has nowhere to fetch one from.
    case failed(why: String, fetchesItself: Bool)
  }

  /// Whether every cloudpipe that runs goes by the new CRL.
  public var isEffective: Bool {
    cloudpipes.allSatisfy {
      if case .refreshed = $0.outcome { return true }
      return false
    }
  }
}

extension ProjectUsers {
  /// Whose certificates in which projects.
  public enum Scope: Sendable {
    case project(ProjectID)
    case certificate(ProjectID, State.SerialNumber)
    case everywhere
  }

  /// Revokes, and has the cloudpipes that run take the new CRLs. Doing it again changes nothing, but tells the cloudpipes
  /// again.
  ///
  /// - Returns: what it did in each project that knows the user.
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`. A cloudpipe that can't be told is no error: the certificate
  ///   is revoked.
  public func revoke(
    _ user: UserName, _ scope: Scope, reason: State.RevocationReason = .unspecified
  ) async throws -> [RevokedUser] {
    let done =
      switch scope {
      case .project(let project): [try await keeper.revoke(user, of: project, reason: reason)]
      case .certificate(let project, let serial):
        [try await keeper.revoke(user, of: project, serial: serial, reason: reason)]
      case .everywhere: try await keeper.revokeEverywhere(user, reason: reason)
      }
    var results: [RevokedUser] = []
    for revocation in done {
      results.append(RevokedUser(revocation: revocation, cloudpipes: try await tell(revocation.project)))
    }
    return results
  }

  /// Has the project's cloudpipes that run take its newest CRLs now.
  ///
  /// - Throws: `StateError`. A cloudpipe that can't be told is no error.
  public func tell(_ project: ProjectID) async throws -> [(network: NetworkName, outcome: RevokedUser.Outcome)] {
    guard let instances else { return [] }
    var outcomes: [(network: NetworkName, outcome: RevokedUser.Outcome)] = []
    for network in try await keeper.state.read({ try $0.networks.all(of: project).map(\.id) }) {
      do {
        guard let refresh = try await instances.refreshCRL(of: network) else { continue }
        outcomes.append((network.name, .refreshed(refresh)))
      } catch {
        let fetchesItself = try await fetchesItself(network)
        outcomes.append((network.name, .failed(why: "\(error)", fetchesItself: fetchesItself)))
      }
    }
    return outcomes
  }

  /// This machine's cloudpipes have a place to fetch CRLs from, others where they were booted with one.
  private func fetchesItself(_ network: NetworkID) async throws -> Bool {
    try await keeper.state.read { state in
      guard let instance = try state.instances.find(network) else { return false }
      return instance.cloud == .local || instance.handle[BootStep.crl] != nil
    }
  }
}
