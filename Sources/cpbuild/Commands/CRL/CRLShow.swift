import ArgumentParser
import Glibc
import Launching

/// `cpbuild crl show`.
struct CRLShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Renew the revocation lists that are due, and show the newest of each CA.",
    discussion: """
      Any command renews some of the lists that are due; this one renews all of them.

      Exit status for monitoring: 0 when all is well or only due for renewal, 1 when a list that is due couldn't be \
      renewed, is expiring (a ninth of its life is left) or isn't valid.
      """)

  @OptionGroup var state: StateOptions
  @OptionGroup var argument: OptionalProjectArgument

  func run() async throws {
    let project = try argument.project()
    let report = try await CRLReport.read(try await state.openIfThere(renewingAll: true), project)
    try state.global.print(report, text: report.text(width: Terminal.width(of: STDOUT_FILENO)))
    if !report.ok { throw ArgumentParser.ExitCode(Outcome.failed.rawValue) }
  }
}
