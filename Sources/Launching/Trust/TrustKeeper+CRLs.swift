import Foundation
import State
import Trust

extension TrustKeeper {
  /// Renews the CRLs that have used up two thirds of their life, the most urgent first and at most `limit`, so that any
  /// command can do it on the way. What can't be renewed is told, and fails nothing.
  ///
  /// - Returns: a sentence with its remedy for each CRL that is due and couldn't be renewed.
  /// - Throws: `StateError`, `HostError`.
  @discardableResult
  public func renewDue(limit: Int = 16) async throws -> [String] {
    let moment = now
    let due = try await state.read { state in
      try state.crls.due(at: moment, limit: limit).map { try state.authorities.get($0) }
    }
    var troubles: [String] = []
    for row in due {
      do { try await renewCRL(of: row, onlyDueAt: moment) } catch let error as TrustKeeperError {
        troubles.append(Self.trouble(row, error))
      } catch let error as TrustError { troubles.append(Self.trouble(row, error)) }
    }
    try await state.exports.write()
    return troubles
  }

  /// Signs the CA's next CRL; with a moment, only if it is still due then and no other process was first.
  func renewCRL(of row: Authority, onlyDueAt moment: Date? = nil) async throws {
    let authority = try open(row)
    let lifetime = configuration.trust.lifetimes.crl
    let signing = now
    try await state.write { state in
      if let moment, try state.authorities.get(row.id).crlDueAt > moment { return }
      try state.sign(authority, id: row.id, now: signing, lifetime: lifetime)
    }
  }

  static func trouble(_ row: Authority, _ error: any Error) -> String {
    "the CRL of \(row.projectId.map { "project \($0)" } ?? "the root") is due and can't be renewed: \(error); once it has "
      + "ended nobody can connect"
  }
}
