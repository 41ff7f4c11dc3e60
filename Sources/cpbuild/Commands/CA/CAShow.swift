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
    abstract: "Show the root CA and the projects' CAs, and how long they last.",
    discussion: """
      Exit status for monitoring: 0 when all is well or only due for renewal (a third of the life is left), 1 when a CA \
      is expiring (a ninth is left) or isn't valid. A revoked project counts as well.
      """)

  @OptionGroup var state: StateOptions
  @OptionGroup var argument: OptionalProjectArgument

  func run() async throws {
    let project = try argument.project()
    var all: [AuthorityStatus] = []
    if let open = try await state.openIfThere() {
      all = try await open.trust.authorities(of: project)
    } else if let project {
      throw TrustKeeperError.noProject(project)
    }
    let report = CAReport(all)
    try state.global.print(report, text: report.text(width: Terminal.width(of: STDOUT_FILENO)))
    if !report.ok { throw ArgumentParser.ExitCode(Outcome.failed.rawValue) }
  }
}

/// What `cpbuild ca show` prints; docs/json.md describes the document.
struct CAReport: Encodable {
  struct Entry: Encodable {
    let name: String
    /// Left out for a root.
    let project: String?
    let generation: Int
    let stage: String
    let serial: String
    let keyType: String
    let keyIsEncrypted: Bool
    let notBefore: Date
    let notAfter: Date
    let severity: String
    /// Left out while it isn't revoked.
    let revokedAt: Date?
  }

  /// Whether none is expiring or not valid.
  let ok: Bool
  let authorities: [Entry]

  init(_ all: [AuthorityStatus]) {
    ok = !all.contains { $0.severity >= .expiring && !$0.isRevoked }
    authorities = all.map(Entry.init)
  }

  func text(width: Int?) -> String {
    guard !authorities.isEmpty else { return "no CA yet; the first 'cpbuild launch' makes it\n" }
    var table = Table(["CA", "PROJECT", "STAGE", "KEY", "ENDS", "STATUS"])
    for entry in authorities {
      table.add([
        entry.name, entry.project ?? "", entry.stage, entry.keyType + (entry.keyIsEncrypted ? ", encrypted" : ""),
        Moment.text(entry.notAfter), entry.revokedAt == nil ? entry.severity : "revoked",
      ])
    }
    let remedy = "renew a project's CA with 'cpbuild ca renew PROJECT' before it ends: nobody can connect after it\n"
    return table.text(width: width) + (ok ? "" : "\n" + remedy)
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
    notBefore = authority.notBefore
    notAfter = authority.notAfter
    severity = status.severity.text
    revokedAt = authority.revokedAt
  }
}
