import Foundation
import Names
import State
import Trust

extension TrustKeeper {
  /// Renews the CRLs that have used up two thirds of their life, the most urgent first. What can't be renewed is told, and
  /// fails nothing.
  ///
  /// - Parameter all: however many there are and however long it takes; else what any command can do on the way, so that
  ///   nothing has to be set up for it.
  /// - Returns: a sentence with its remedy for each CRL that is due and couldn't be renewed.
  /// - Throws: `StateError`, `HostError`.
  @discardableResult
  public func renewDue(all: Bool = false) async throws -> [String] {
    let moment = now
    let due = try await state.read { state in
      try state.crls.due(at: moment, limit: all ? .max : Self.mostAtOnce).map { try state.authorities.get($0) }
    }
    var troubles = try await renew(due, at: moment, deadline: all ? nil : .now + Self.patience)
    do { try await state.exports.write() } catch  where !(error is CancellationError) { troubles.append("\(error)") }
    return troubles
  }

  /// The same for the CRLs of one project, which is to have a cloudpipe now: with a list that has ended it would let nobody in.
  ///
  /// - Throws: also why a list that has ended can't be renewed.
  func renewDue(of project: ProjectID) async throws {
    let moment = now
    let trusted = try await state.read { try $0.authorities.trusted(of: project) }
    _ = try await renew(trusted.filter { $0.crlDueAt <= moment }, at: moment, mayBeOver: false)
    try await state.exports.write()
  }

  private func renew(
    _ due: [Authority], at moment: Date, deadline: ContinuousClock.Instant? = nil, mayBeOver: Bool = true
  ) async throws -> [String] {
    var troubles: [String] = []
    for row in due {
      // Whatever is wrong with one CA, a lost key say, the lists of the others are renewed.
      do { try await renewCRL(of: row, onlyDueAt: moment) } catch  where !(error is CancellationError) {
        let newest = try await state.read { try $0.crls.newest(of: row.id) }
        if !mayBeOver, newest.map({ $0.nextUpdate <= moment }) ?? true { throw error }
        troubles.append(Self.trouble(row, error))
      }
      if let deadline, ContinuousClock.now > deadline { break }
    }
    return troubles
  }

  private static let mostAtOnce = 16
  private static let patience = Duration.milliseconds(50)

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
    "the CRL of \(row.projectId.map { "project \($0)" } ?? "the root") can't be renewed: \(error); once it has "
      + "ended nobody can connect"
  }
}
