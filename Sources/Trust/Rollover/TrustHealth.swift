public import Foundation

/// How certificates and CRLs stand in time, for `ca show` and monitoring.
public enum TrustHealth {
  /// From harmless to harmful.
  public enum Severity: Int, Sendable, Comparable, CaseIterable {
    case ok
    /// Two thirds of its life are over: renew it at the next occasion.
    case dueForRenewal
    /// Two thirds of the last third are over as well: whatever should have renewed it doesn't work.
    case expiring
    /// Not valid at this moment: past its end, or before its beginning, which a wrong clock does.
    case notValid

    public static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }
  }

  /// What is to be said about one certificate or CRL.
  public struct Finding: Sendable, CustomStringConvertible {
    /// What it is about, such as "CA certificate of O=acme, CN=acme CA".
    public let subject: String
    public let severity: Severity
    /// The last second at which it is valid.
    public let ends: Date
    /// What follows from it and what to do.
    public let advice: String

    public var description: String { "\(subject): \(advice)" }
  }

  /// One finding for each, in the order given; the worst of them is what monitoring wants.
  public static func findings(
    now: Date, certificates: [Certificate], revocationLists: [CertificateRevocationList]
  ) -> [Finding] {
    certificates.map { finding(now: now, certificate: $0) }
      + revocationLists.map { finding(now: now, revocationList: $0) }
  }

  private static func finding(now: Date, certificate: Certificate) -> Finding {
    let kind = certificate.isAuthority ? "CA certificate" : "certificate"
    let severity = severity(now: now, begins: certificate.notBefore, ends: certificate.notAfter)
    let remedy =
      certificate.isAuthority ? "renew it with `cpbuild ca renew`" : "issue a new one to the same name"
    return Finding(
      subject: "\(kind) of \(certificate.subject)", severity: severity, ends: certificate.notAfter,
      advice: advice(severity, now, certificate.notBefore, certificate.notAfter, remedy: remedy))
  }

  private static func finding(now: Date, revocationList list: CertificateRevocationList) -> Finding {
    let severity = severity(now: now, begins: list.thisUpdate, ends: list.nextUpdate)
    let remedy = "OpenVPN refuses everybody once it is over: renew it with `cpbuild crl renew`"
    return Finding(
      subject: "revocation list of \(list.issuer)", severity: severity, ends: list.nextUpdate,
      advice: advice(severity, now, list.thisUpdate, list.nextUpdate, remedy: remedy))
  }

  /// How something that is valid from `begins` to `ends` stands at `now`.
  public static func severity(now: Date, begins: Date, ends: Date) -> Severity {
    guard now >= begins, now <= ends else { return .notValid }
    let life = ends.timeIntervalSince(begins)
    let left = ends.timeIntervalSince(now)
    return left <= life / 9 ? .expiring : left <= life / 3 ? .dueForRenewal : .ok
  }

  private static func advice(_ severity: Severity, _ now: Date, _ begins: Date, _ ends: Date, remedy: String) -> String
  {
    switch severity {
    case .ok: "valid for another \(span(from: now, to: ends))"
    case .dueForRenewal: "due for renewal, valid for another \(span(from: now, to: ends)); \(remedy)"
    case .expiring: "ends in \(span(from: now, to: ends)); \(remedy) now"
    case .notValid where now < begins:
      "not valid for another \(span(from: now, to: begins)); check this machine's clock"
    case .notValid: "ended \(span(from: ends, to: now)) ago; \(remedy) now"
    }
  }

  /// A span in the largest unit of which it has two.
  private static func span(from start: Date, to end: Date) -> String {
    let seconds = end.timeIntervalSince(start)
    for (unit, length) in [("days", 86_400.0), ("hours", 3600), ("minutes", 60)] where seconds >= 2 * length {
      return "\(Int((seconds / length).rounded(.down))) \(unit)"
    }
    return "\(Int(seconds.rounded(.down))) seconds"
  }
}
