import ArgumentParser
import Launching
import Names
import State

/// `cpbuild restart`.
struct RestartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart",
    abstract: "Boot a project's cloudpipes anew.",
    discussion: """
      Address, port and certificates stay, and users come back by themselves. What doesn't work of the network is mended.
      """)

  @OptionGroup var options: CloudpipeOptions
  @OptionGroup var target: NetworkArguments

  @Flag(
    inversion: .prefixedNo,
    help: "Go on from a saved state of the image instead of booting; else as it was launched.")
  var warm: Bool?

  @Flag(help: "Don't wait until the VPN answers.")
  var noWait = false

  func run() async throws {
    let outcomes = try await options.reporting { open, launcher in
      try await launcher.restart(try await target.all(in: open.store), waits: !noWait, warm: warm)
    }
    guard !outcomes.isEmpty else {
      let project = try target.project()
      throw LaunchError.notLaunched(.init(project: project, name: .standard))
    }
    try outcomes.print(options.global) { $0.line(waited: !noWait) }
  }
}
