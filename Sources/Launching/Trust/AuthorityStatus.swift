import Foundation
public import Names
public import State
public import Trust

/// How a CA and its newest CRL stand at one moment.
public struct AuthorityStatus: Sendable {
  public let authority: AuthorityOverview
  public let severity: TrustHealth.Severity
  /// Of its CRL; one that has none counts as not valid.
  public let crlSeverity: TrustHealth.Severity
  /// Whether two thirds of its CRL's life are over.
  public let isCRLDue: Bool

  init(_ authority: AuthorityOverview, now: Date) {
    self.authority = authority
    severity = TrustHealth.severity(now: now, begins: authority.notBefore, ends: authority.notAfter)
    if let begins = authority.thisUpdate, let ends = authority.nextUpdate {
      crlSeverity = TrustHealth.severity(now: now, begins: begins, ends: ends)
    } else {
      crlSeverity = .notValid
    }
    isCRLDue = authority.crlDueAt <= now
  }

  /// Of a project that was revoked as a whole nothing has to be renewed: nobody is to get in.
  public var isRevoked: Bool { authority.revokedAt != nil }

  /// The common name of its certificate.
  public var name: String {
    guard let project = authority.project else { return TrustKeeper.rootName(generation: authority.generation) }
    return ProjectAuthority.commonName(project: project.text, generation: authority.generation)
  }
}

extension TrustKeeper {
  /// The root CAs and the project's (every project's, when none is named), with their CRLs.
  ///
  /// - Throws: ``TrustKeeperError/noProject(_:)``, `StateError`.
  public func authorities(of project: ProjectID? = nil) async throws -> [AuthorityStatus] {
    let moment = now
    let rows = try await state.read { try $0.authorities.overview(of: project) }
    if let project, !rows.contains(where: { $0.project == project }) { throw TrustKeeperError.noProject(project) }
    return rows.map { AuthorityStatus($0, now: moment) }
  }

  /// The projects that have lost their CA, of all or of the one that is named; nil is the root.
  ///
  /// - Throws: `StateError`.
  public func ownersWithoutAuthority(of project: ProjectID? = nil) async throws -> [ProjectID?] {
    try await state.read { try $0.authorities.missing(of: project) }
  }

  /// How many certificates the newest CRL of an authority lists.
  ///
  /// - Throws: `StateError`, `TrustError` for a list that can't be read.
  public func entries(of authority: Int64) async throws -> Int? {
    let list = try await state.read { try $0.crls.newest(of: authority) }
    return try list.map { try CertificateRevocationList(der: Array($0.crl)).revocations.count }
  }

  /// Signs new CRLs at once, due or not: of the project's CAs, or of all that are trusted.
  ///
  /// - Returns: a sentence with its remedy for each that couldn't be renewed; only where no project is named.
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`, `HostError`.
  public func renewCRLs(of project: ProjectID?) async throws -> [String] {
    let ids = try await authorities(of: project).map(\.authority).filter { project == nil || $0.project == project }
    var troubles: [String] = []
    for id in ids.map(\.id) {
      let row = try await state.read { try $0.authorities.get(id) }
      do { try await renewCRL(of: row) } catch  where project == nil && !(error is CancellationError) {
        troubles.append(Self.trouble(row, error))
      }
    }
    try await state.exports.write()
    return troubles
  }

  /// The certificates that others have to trust, in PEM.
  ///
  /// - Parameters:
  ///   - project: whose; the roots' when none is named.
  ///   - isChain: the project's CAs with the roots, rather than the anchors that cloudpipes and users trust.
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`.
  public func bundle(of project: ProjectID?, isChain: Bool = false) async throws -> String {
    let rows = try await state.read { state in
      (own: try state.authorities.trusted(of: project), roots: try state.authorities.trusted(of: nil))
    }
    guard let project else {
      guard !rows.roots.isEmpty else { throw TrustKeeperError.noRoot }
      return rows.roots.map(\.pem).joined()
    }
    guard !rows.own.isEmpty else { throw TrustKeeperError.noProject(project) }
    if isChain { return (rows.own + rows.roots).map(\.pem).joined() }
    let anchors = try await state.read { try $0.authorities.anchors(of: project) }
    return try anchors.map { try Trust.Certificate(der: Array($0)).pem }.joined()
  }
}
