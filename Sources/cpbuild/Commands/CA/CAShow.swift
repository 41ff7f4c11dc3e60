import ArgumentParser
import Foundation
import Glibc
import Launching
import Names
import State
import Trust

/// `cpbuild ca show`.
struct CAShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show the root CA and the projects' CAs, how long they last, and whose certificate is about to end.",
    discussion: """
      Exit status for monitoring: 0 when all is well or only due for renewal (a third of the life is left), 1 when a CA \
      is expiring (a ninth is left), isn't valid or isn't there any more, or the last certificate of a user or cloudpipe is (a ninth and at \
      most 30 days are left). What is revoked counts as well.
      """)

  @OptionGroup var state: StateOptions
  @OptionGroup var argument: OptionalProjectArgument

  func run() async throws {
    let project = try argument.project()
    var report = CAReport([], [], missing: [])
    if let open = try await state.openIfThere() {
      let missing = try await open.trust.ownersWithoutAuthority(of: project)
      // A project without a CA isn't one that isn't there.
      let authorities = try await open.trust.authorities(of: missing.contains(project) ? nil : project)
        .filter { project == nil || $0.authority.project == nil || $0.authority.project == project }
      report = CAReport(authorities, try await open.trust.ending(of: project), missing: missing)
    } else if let project {
      throw TrustKeeperError.noProject(project)
    }
    try state.global.print(report, text: report.text(width: Terminal.width(of: STDOUT_FILENO)))
    if !report.ok { throw ArgumentParser.ExitCode(Outcome.failed.rawValue) }
  }
}

/// What `cpbuild ca show` prints; docs/json.md describes the document.
struct CAReport: Encodable {
  struct Entry: Encodable {
    // Text, and sorted: so they are encoded faster, and there may be 10,000 entries.
    let generation: Int
    let keyIsEncrypted: Bool
    let keyType: String
    let name: String
    let notAfter: String
    let notBefore: String
    /// Left out for a root.
    let project: String?
    /// Left out while it isn't revoked.
    let revokedAt: String?
    let serial: String
    let severity: String
    let stage: String
  }

  /// The last certificate of a user or cloudpipe.
  struct Ending: Encodable {
    let project: String
    /// Left out for a cloudpipe.
    let user: String?
    /// Left out for a user.
    let network: String?
    let serial: String
    let notBefore: Date
    let notAfter: Date
    let severity: String
  }

  let authorities: [Entry]
  let ending: [Ending]
  /// The roots' or projects' that should be there and aren't.
  let missing: [MissingCA]
  /// Whether none is missing, expiring or not valid.
  let ok: Bool
  private let areAuthoritiesWell: Bool

  private enum CodingKeys: CodingKey { case authorities, ending, missing, ok }

  init(
    _ all: [AuthorityStatus], _ ending: [(certificate: EndingCertificate, severity: TrustHealth.Severity)],
    missing: [ProjectID?]
  ) {
    areAuthoritiesWell = !all.contains { $0.severity >= .expiring && !$0.isRevoked }
    ok = areAuthoritiesWell && ending.isEmpty && missing.isEmpty
    self.missing = missing.map(MissingCA.init)
    authorities = all.map(Entry.init)
    self.ending = ending.map(Ending.init)
  }

  func text(width: Int?) -> String {
    guard !authorities.isEmpty || !missing.isEmpty else { return "no CA yet; the first 'cpbuild launch' makes it\n" }
    var table = Table(["CA", "PROJECT", "STAGE", "KEY", "ENDS", "STATUS"])
    for entry in authorities {
      table.add([
        entry.name, entry.project ?? "", entry.stage, entry.keyType + (entry.keyIsEncrypted ? ", encrypted" : ""),
        entry.notAfter, entry.revokedAt == nil ? entry.severity : "revoked",
      ])
    }
    let remedy = "renew a project's CA with 'cpbuild ca renew PROJECT' before it ends: nobody can connect after it\n"
    let gone = missing.map { "\n\($0.sentence)\n" }.joined()
    return table.text(width: width) + (areAuthoritiesWell ? "" : "\n" + remedy) + gone + endingText(width: width)
  }

  private func endingText(width: Int?) -> String {
    guard !ending.isEmpty else { return "" }
    var table = Table(["ENDING", "PROJECT", "ENDS", "STATUS", "REMEDY"])
    for entry in ending {
      table.add([
        entry.user ?? "cloudpipe of \(entry.network ?? "")", entry.project, Moment.text(entry.notAfter), entry.severity,
        entry.user.map { "cpbuild user add \(entry.project) \($0) --renew" } ?? "cpbuild restart \(entry.project)",
      ])
    }
    return "\n" + table.text(width: width)
  }
}

extension CAReport.Ending {
  init(_ status: (certificate: EndingCertificate, severity: TrustHealth.Severity)) {
    let certificate = status.certificate
    project = certificate.project.text
    user = certificate.kind == .user ? certificate.name : nil
    network = certificate.kind == .server ? certificate.name : nil
    serial = certificate.serial.text
    notBefore = certificate.notBefore
    notAfter = certificate.notAfter
    severity = status.severity.text
  }
}

extension CAReport.Entry {
  init(_ status: AuthorityStatus) {
    let authority = status.authority
    name = status.name
    project = authority.project?.text
    generation = authority.generation
    stage = authority.stage.rawValue
    serial = authority.serial.text
    keyType = authority.keyType.rawValue
    keyIsEncrypted = authority.keyIsEncrypted
    notBefore = Moment.text(authority.notBefore)
    notAfter = Moment.text(authority.notAfter)
    severity = status.severity.text
    revokedAt = authority.revokedAt.map(Moment.text)
  }
}
