import Foundation
import State
public import Trust

/// The replacement of the root CA. It reaches neither cloudpipes nor users, who trust their own project's CA alone, but
/// everybody who checks the chain by the root.
extension TrustKeeper {
  /// Where the root's rollover stands.
  ///
  /// - Throws: ``TrustKeeperError/noRoot``, `StateError`.
  public func rootRolloverStage() async throws -> ProjectTrust.Stage {
    try await state.read { try $0.rolloverStage(of: nil) }
  }

  /// Makes a new root, which is trusted from now on and signs nothing but its CRL yet.
  ///
  /// - Throws: `TrustError.rolloverRefused` in another stage than settled; ``TrustKeeperError``, `StateError`, `HostError`.
  public func announceRoot() async throws {
    let generation = try await state.read { state in
      try state.require(.settled, of: nil)
      return try state.authorities.nextGeneration(of: nil)
    }
    let (made, moment, lifetime) = (try makeRoot(generation: generation), now, configuration.trust.lifetimes.crl)
    let new = try written(made, project: nil, stage: .next, issuer: nil, anchor: nil)
    do {
      try await state.write { state in
        try state.require(.settled, of: nil)
        let row = try state.authorities.insert(new)
        guard row.generation == generation else { throw TrustKeeperError.rootReplaced }
        try state.sign(made, id: row.id, now: moment, lifetime: lifetime)
      }
    } catch {
      let isReferred = try await state.read { try $0.authorities.all(of: nil).contains { $0.keyFile == new.keyFile } }
      if let file = new.keyFile, !isReferred { try state.keys.remove(file) }
      throw error
    }
    try await state.exports.write()
  }

  /// Has the new root sign every project's CA once more, which keeps its name and key, and all new ones from now on. The
  /// old root is still trusted. Projects that were revoked stay with the root that revoked them.
  ///
  /// - Returns: how many CAs it signed.
  /// - Throws: `TrustError.rolloverRefused` in another stage than announced; ``TrustKeeperError``, `StateError`.
  public func switchRoot() async throws -> Int {
    let roots = try await state.read { state in
      try state.require(.announced, of: nil)
      return try state.authorities.trusted(of: nil)
    }
    guard let next = roots.first(where: { $0.stage == .next }), let old = roots.first(where: { $0.stage == .active })
    else { throw TrustKeeperError.rootReplaced }
    return try await move(from: old, to: next) { state in
      try state.require(.announced, of: nil)
      try state.authorities.activateNext(of: nil)
    }
  }

  /// Ends the trust in the old root. What it alone vouched for by then, the new one does first.
  ///
  /// - Throws: `TrustError.rolloverRefused` in another stage than switched; ``TrustKeeperError``, `StateError`.
  public func settleRoot() async throws {
    let roots = try await state.read { state in
      try state.require(.switched, of: nil)
      return try state.authorities.trusted(of: nil)
    }
    guard let new = roots.first(where: { $0.stage == .active }), let old = roots.first(where: { $0.stage == .previous })
    else { throw TrustKeeperError.rootReplaced }
    _ = try await move(from: old, to: new) { state in
      try state.require(.switched, of: nil)
      try state.authorities.retire(old.id)
    }
  }

  /// Signs with `new` what `old` vouches for, and does `step` in the same transaction.
  private func move(
    from old: Authority, to new: Authority, _ step: @escaping @Sendable (Transaction) throws -> Void
  ) async throws -> Int {
    let (root, moment) = (try open(new), now)
    while true {
      let rows = try await state.read { try $0.authorities.issued(by: old.id) }.filter { $0.notAfter > moment + 1 }
      // Beforehand: there may be thousands, and nobody else can write meanwhile.
      let made = try rows.map { try root.vouch(for: Trust.Certificate(der: Array($0.certificate)), now: moment) }
      let isDone = try await state.write { state in
        let present = try state.authorities.issued(by: old.id).filter { $0.notAfter > moment + 1 }
        // Another process made a project's CA meanwhile, or revoked one.
        guard present.map(\.id) == rows.map(\.id) else { return false }
        for (row, certificate) in zip(rows, made) {
          try state.authorities.replaceCertificate(
            of: row, issuer: new.id, serial: State.SerialNumber(bytes: certificate.serial.octets),
            certificate: Data(certificate.der), notBefore: certificate.notBefore, notAfter: certificate.notAfter,
            at: moment)
        }
        try step(state)
        return true
      }
      guard isDone else { continue }
      try await state.exports.write()
      return rows.count
    }
  }
}
