import ArgumentParser
import Clouds
import Glibc
import Host
import Launching
import State

/// `cpbuild doctor`.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what this machine can and can't do, with the remedy.",
    discussion: """
      Whether virtual machines run in hardware is found by booting a tiny one, once after each boot of this machine.

      Exit status 0 when all that is needed is there, 4 when something isn't. Warnings are about what is slow, old, or \
      needed for some things only.

      Example:
        cpbuild doctor --json | jq -r '.checks[] | select(.status != "ok") | .remedy'
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var artifacts: ArtifactOptions

  @Flag(help: "Boot the tiny machine again, whatever came of it the last time.")
  var fresh = false

  func run() async throws {
    let home = Home(global.home)
    let cloud = LocalCloud(home: home, executable: try Executable.path())
    let results = await Doctor(
      home: global.home, out: artifacts.out, freshProbe: fresh,
      others: [ForwardingCheck(), StateCheck(home: home), TrustCheck(home: home), LeftoversCheck(cloud: cloud)]
    ).examine()
    try Task.checkCancellation()
    let report = DoctorReport(results)
    try global.print(report, text: report.text(width: Terminal.width(of: STDOUT_FILENO)))
    if !report.ok { throw ArgumentParser.ExitCode(Outcome.environment.rawValue) }
  }
}
