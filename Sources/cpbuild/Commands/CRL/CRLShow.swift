import ArgumentParser
import Glibc
import Launching
import Names
import State
import SystemPackage

/// `cpbuild crl show`.
struct CRLShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Renew the revocation lists that are due, and show the newest of each CA.",
    discussion: """
      Any command renews some of the lists that are due; this one renews all of them. It also compares what is exported \
      for other programs with the state, of one project where one is named, and writes anew what somebody changed.

      Exit status for monitoring: 0 when all is well or only due for renewal, 1 when a list that is due couldn't be \
      renewed, is expiring (a ninth of its life is left) or isn't valid.
      """)

  @OptionGroup var state: StateOptions
  @OptionGroup var argument: OptionalProjectArgument

  func run() async throws {
    let project = try argument.project()
    let open = try await state.openIfThere(renewingAll: true)
    // What is due still couldn't be renewed.
    let report = try await CRLReport.read(open, project, allowingDue: false)
    for project in try await open?.store.exports.repair(of: project) ?? [] {
      let folder = project.map { state.home.projects.appending($0.text) } ?? state.home.authorities
      StandardError.write("cpbuild: warning: \(folder) wasn't what the state says, and was written anew\n")
    }
    try state.global.print(report, text: report.text(width: Terminal.width(of: STDOUT_FILENO)))
    if !report.ok { throw ArgumentParser.ExitCode(Outcome.failed.rawValue) }
  }
}
