public import Foundation
public import Names
public import State
public import Trust

extension EndingCertificate {
  /// How it stands at one moment.
  public func severity(at moment: Date) -> TrustHealth.Severity {
    TrustHealth.severity(now: moment, begins: notBefore, ends: notAfter)
  }
}

extension TrustKeeper {
  /// How long beforehand the end of a user's or cloudpipe's certificate is worth a warning: a month.
  private static let notice = TimeInterval(30 * 86_400)

  /// The users and cloudpipes of the project (of every project, when none is named) that are about to be locked out, at most
  /// a thousand of each, and how each stands: a ninth of the life of all that they have is left, and a month at most. A
  /// cloudpipe stays among them when it is too late; a user doesn't, for nobody can tell whether they are still wanted.
  ///
  /// - Throws: `StateError`.
  public func ending(
    of project: ProjectID? = nil
  ) async throws -> [(certificate: EndingCertificate, severity: TrustHealth.Severity)] {
    let moment = now
    let found = try await state.read { state in
      try state.certificates.serversEnding(by: moment + Self.notice, in: project)
        + state.certificates.usersEnding(from: moment, to: moment + Self.notice, in: project)
    }
    return found.map { ($0, $0.severity(at: moment)) }.filter { $0.severity >= .expiring }
  }
}
