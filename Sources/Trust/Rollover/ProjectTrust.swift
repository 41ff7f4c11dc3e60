public import Foundation

/// Whom a project's cloudpipe and users trust, through a change of the project CA.
///
/// A CA is replaced in stages, and in the two middle ones the old and the new one are both trusted:
///
/// | stage     | trusted       | issues | what has to happen before the next                                     |
/// | --------- | ------------- | ------ | ---------------------------------------------------------------------- |
/// | settled   | old           | old    | `announcing(_:)` a new CA of another name                              |
/// | announced | old and new   | old    | the new bundle and CRLs reach the instance and every user's profile    |
/// | switched  | new and old   | new    | server and users get new certificates, or their old ones run out       |
/// | settled   | new           | new    |                                                                        |
///
/// In every stage each trusted CA signs its own CRL with its own number, and the instance's crl.pem holds all of them.
/// The root plays no part in it: it signs the new CA when that is made.
public struct ProjectTrust: Sendable {
  /// Issues what is issued.
  public let issuing: ProjectAuthority
  /// Trusted though it doesn't issue: the next CA in `announced`, the last one in `switched`.
  public let other: ProjectAuthority?
  public let stage: Stage

  public enum Stage: String, Sendable, CaseIterable {
    case settled
    case announced
    case switched
  }

  /// A project with one CA.
  public init(_ issuing: ProjectAuthority) {
    self.issuing = issuing
    other = nil
    stage = .settled
  }

  private init(issuing: ProjectAuthority, other: ProjectAuthority, stage: Stage) {
    self.issuing = issuing
    self.other = other
    self.stage = stage
  }

  /// Puts together what was stored in the middle of a rollover.
  /// - Throws: `TrustError.rolloverRefused` when the two CAs can't be told apart.
  public init(issuing: ProjectAuthority, announced next: ProjectAuthority) throws {
    self = try ProjectTrust(issuing).announcing(next)
  }

  /// Puts together what was stored near the end of a rollover.
  /// - Throws: `TrustError.rolloverRefused` when the two CAs can't be told apart.
  public init(issuing: ProjectAuthority, retiring last: ProjectAuthority) throws {
    self = try ProjectTrust(last).announcing(issuing).switching()
  }
}

extension ProjectTrust {
  /// Every trusted CA, the issuing one first.
  public var trusted: [ProjectAuthority] { [issuing] + (other.map { [$0] } ?? []) }

  /// The `ca.crt` of server and profiles: the anchors of every trusted CA.
  public var bundle: String { trusted.map(\.anchor.pem).joined() }

  /// The CA that issued `certificate`, for its CRL.
  /// - Throws: `TrustError.notIssuedBy` when it is none of the trusted ones.
  public func issuer(of certificate: Certificate) throws -> ProjectAuthority {
    guard let issuer = trusted.first(where: { $0.anchor.subject == certificate.issuer }) else {
      throw TrustError.notIssuedBy(
        .certificate, issuer: issuing.anchor.subject.description, reason: "it names another issuer")
    }
    try certificate.checkIssued(by: issuer.anchor)
    return issuer
  }

  /// From now on `next` is trusted too, and doesn't issue yet.
  /// - Throws: `TrustError.rolloverRefused` in another stage than `settled`, or when name or key are the old CA's.
  public func announcing(_ next: ProjectAuthority) throws -> ProjectTrust {
    try require(.settled)
    guard next.anchor.subject != issuing.anchor.subject else {
      throw TrustError.rolloverRefused(reason: "the new CA has the name of the old one")
    }
    guard next.anchor.publicKey != issuing.anchor.publicKey else {
      throw TrustError.rolloverRefused(reason: "the new CA has the key of the old one")
    }
    return ProjectTrust(issuing: issuing, other: next, stage: .announced)
  }

  /// From now on the new CA issues, and the old one is still trusted.
  /// - Throws: `TrustError.rolloverRefused` in another stage than `announced`.
  public func switching() throws -> ProjectTrust {
    try require(.announced)
    guard let other else { return self }
    return ProjectTrust(issuing: other, other: issuing, stage: .switched)
  }

  /// From now on only the new CA is trusted.
  /// - Parameter lastInUse: the latest notAfter of the old CA's certificates that are neither revoked nor replaced; nil
  ///   when there is none.
  /// - Throws: `TrustError.rolloverRefused` in another stage than `switched`, or while such a certificate is valid.
  public func settling(now: Date, lastInUse: Date?) throws -> ProjectTrust {
    try require(.switched)
    if let lastInUse, lastInUse >= now {
      throw TrustError.rolloverRefused(reason: "a certificate of the old CA is in use and would be refused")
    }
    return ProjectTrust(issuing)
  }

  private func require(_ wanted: Stage) throws {
    guard stage == wanted else {
      throw TrustError.rolloverRefused(reason: "the project is in stage \(stage.rawValue), not \(wanted.rawValue)")
    }
  }
}
