import ArgumentParser
import Launching
import Names

/// `cpbuild crl renew`.
struct CRLRenew: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew",
    abstract: "Sign new revocation lists at once, due or not.",
    discussion: "Exit status 1 when one couldn't be signed; the others are signed all the same.")

  @OptionGroup var state: StateOptions

  @Argument(help: ArgumentHelp("The project.", valueName: "project"))
  var project: String?

  @Flag(help: "Renew the lists of the roots and of all projects.")
  var all = false

  mutating func validate() throws {
    guard (project == nil) == all else { throw ValidationError("give a project or --all.") }
  }

  func run() async throws {
    let project = try project.map { try ProjectID($0) }
    guard let open = try await state.openIfThere() else {
      if let project { throw TrustKeeperError.noProject(project) }
      throw TrustKeeperError.noRoot
    }
    let troubles = try await open.trust.renewCRLs(of: project)
    for trouble in troubles { StandardError.write("cpbuild: \(trouble.escapingControls())\n") }
    guard troubles.isEmpty else { throw ArgumentParser.ExitCode(Outcome.failed.rawValue) }
    let report = try await CRLReport.read(open, project)
    let text = report.lists.filter { project == nil || $0.project != nil }.map {
      "the revocation list of \($0.authority) has number \($0.number ?? 0) and ends at \($0.nextUpdate ?? "")\n"
    }.joined()
    try state.global.print(report, text: text)
  }
}
