import Foundation
public import Names
import State
public import Trust

extension TrustKeeper {
  /// Where the project's rollover stands.
  ///
  /// - Throws: ``TrustKeeperError/noProject(_:)``, `StateError`.
  public func rolloverStage(of project: ProjectID) async throws -> ProjectTrust.Stage {
    try await state.read { try $0.rolloverStage(of: project) }
  }

  /// Makes a new CA for the project, which is trusted from now on and doesn't issue yet. Where the whole project is
  /// revoked nobody is left to be kept: the new CA takes the old one's place at once.
  ///
  /// - Returns: whether it took the place at once.
  /// - Throws: `TrustError.rolloverRefused` in another stage than settled; ``TrustKeeperError``, `StateError`, `HostError`.
  public func announce(_ project: ProjectID) async throws -> Bool {
    let generation = try await state.read { state in
      try state.requireSettledOrRevoked(project)
      return try state.authorities.nextGeneration(of: project)
    }
    let (root, moment, lifetime) = (try await root(), now, configuration.trust.lifetimes.crl)
    let made = try issue(by: root.authority, to: project, generation: generation)
    let prepared = try written(made, project: project, stage: .next, issuer: root.row.id, anchor: made.anchor())
    do {
      let isAtOnce = try await state.write { state in
        var new = prepared
        let isAtOnce = try state.requireSettledOrRevoked(project)
        guard try state.authorities.nextGeneration(of: project) == generation else {
          throw TrustKeeperError.authorityReplaced(project)
        }
        if isAtOnce {
          for old in try state.authorities.trusted(of: project) { try state.authorities.retire(old.id) }
          new.stage = .active
        }
        let row = try state.authorities.insert(new)
        try state.sign(made, id: row.id, now: moment, lifetime: lifetime)
        return isAtOnce
      }
      try await state.exports.write()
      return isAtOnce
    } catch {
      if let file = prepared.keyFile, try await !isReferred(file, project) { try state.keys.remove(file) }
      throw error
    }
  }

  /// Has the new CA issue from now on; the old one is still trusted.
  ///
  /// - Parameter isForced: though there are users whose profile was made before the new CA was announced, and who then
  ///   refuse the cloudpipe's new certificate.
  /// - Throws: `TrustError.rolloverRefused` in another stage than announced; ``TrustKeeperError``, `StateError`.
  public func switchAuthority(of project: ProjectID, isForced: Bool = false) async throws {
    let moment = now
    try await state.write { state in
      try state.require(.announced, of: project)
      if let active = try state.authorities.active(of: project) { try state.requireIssuing(active.id, project) }
      guard let next = try state.authorities.all(of: project).first(where: { $0.stage == .next }) else { return }
      let late = try state.lineages.users(of: project, unchangedSince: next.createdAt, at: moment)
      guard isForced || late.isEmpty else {
        throw TrustKeeperError.rolloverWaits(project, step: .switch, holders: late.map(\.name))
      }
      try state.authorities.activateNext(of: project)
    }
    try await state.exports.write()
  }

  /// Ends the trust in the old CA, and puts its certificate on the root's CRL as superseded.
  ///
  /// - Throws: `TrustError.rolloverRefused` in another stage than switched; ``TrustKeeperError/rolloverWaits(_:step:holders:)``
  ///   while a certificate of the old CA is in use; ``TrustKeeperError``, `StateError`.
  public func settle(_ project: ProjectID) async throws {
    let (roots, moment, lifetime) = (try await roots(), now, configuration.trust.lifetimes.crl)
    try await state.write { state in
      try state.require(.switched, of: project)
      var issuers: [Int64] = []
      for old in try state.authorities.all(of: project) where old.stage == .previous {
        let holders = try state.lineages.depending(on: old.id, of: project, at: moment)
        guard holders.isEmpty else {
          throw TrustKeeperError.rolloverWaits(project, step: .settle, holders: holders.map(\.holder))
        }
        issuers += try state.revoke(old, reason: .superseded, at: moment)
        try state.authorities.retire(old.id)
      }
      try state.sign(roots, of: issuers, now: moment, lifetime: lifetime)
    }
    try await state.exports.write()
  }

  private func isReferred(_ file: KeyFile, _ project: ProjectID) async throws -> Bool {
    try await state.read { try $0.authorities.all(of: project).contains { $0.keyFile == file } }
  }
}

extension Transaction {
  /// - Parameter project: nil for the root.
  func rolloverStage(of project: ProjectID?) throws -> ProjectTrust.Stage {
    let stages = Set(try authorities.trusted(of: project).map(\.stage))
    guard !stages.isEmpty else { throw project.map { .noProject($0) } ?? TrustKeeperError.noRoot }
    return stages.contains(.next) ? .announced : stages.contains(.previous) ? .switched : .settled
  }

  func require(_ wanted: ProjectTrust.Stage, of project: ProjectID?) throws {
    let stage = try rolloverStage(of: project)
    guard stage == wanted else {
      let step = stage == .announced ? RolloverStep.switch : stage == .switched ? .settle : .announce
      throw TrustError.rolloverRefused(
        reason:
          "\(project.map { "the CA of \($0)" } ?? "the root CA") is in stage \(stage.rawValue), from which it goes on with '--step \(step)'"
      )
    }
  }

  /// - Returns: whether the whole project is revoked.
  @discardableResult
  fileprivate func requireSettledOrRevoked(_ project: ProjectID) throws -> Bool {
    let active = try authorities.active(of: project)
    if try active.map({ try authorities.standing(of: $0.id).isRevoked }) == true { return true }
    try require(.settled, of: project)
    return false
  }

  /// Has the next CRL of each root that vouches for the authority list it.
  ///
  /// - Returns: these roots.
  func revoke(_ authority: Authority, reason: State.RevocationReason, at moment: Date) throws -> [Int64] {
    try authorities.certificates(of: authority).map { issuer, serial, end in
      try revocations.insert(
        State.Revocation(authorityId: issuer, serial: serial, reason: reason, revokedAt: moment, expiresAt: end))
      return issuer
    }
  }

  /// Signs and stores the next CRL of some of the authorities.
  func sign(
    _ opened: [Int64: CertificateAuthority], of ids: [Int64], now: Date, lifetime: Lifetime
  ) throws {
    for id in Set(ids).sorted() {
      guard let authority = opened[id] else { throw TrustKeeperError.rootReplaced }
      try sign(authority, id: id, now: now, lifetime: lifetime)
    }
  }
}

extension Lineage {
  /// Whom it is about, for people.
  var holder: String { kind == .user ? name : "the cloudpipe on network \(name)" }
}
