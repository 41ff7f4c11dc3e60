import ArgumentParser
import Glibc
import Launching

/// `cpbuild crl show`.
struct CRLShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show the newest revocation list of each CA.",
    discussion: """
      Exit status for monitoring: 0 when all is well or only due for renewal, 1 when a list is expiring (a ninth of its \
      life is left) or isn't valid.
      """)

  @OptionGroup var state: StateOptions
  @OptionGroup var argument: OptionalProjectArgument

  func run() async throws {
    let report = try await CRLReport.read(state, argument.project())
    try state.global.print(report, text: report.text(width: Terminal.width(of: STDOUT_FILENO)))
    if !report.ok { throw ArgumentParser.ExitCode(Outcome.failed.rawValue) }
  }
}
