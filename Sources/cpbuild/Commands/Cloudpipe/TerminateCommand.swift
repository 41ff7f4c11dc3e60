import ArgumentParser
import Launching
import Names
import State

/// `cpbuild terminate`.
struct TerminateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "terminate",
    abstract: "End a project's cloudpipes and free all that they have.",
    discussion: """
      Network, addresses and public port are free at once. The project's CA stays, and with it what it signed and what it \
      revoked: users' profiles lead to the same port again only if the next launch names it with --port.

      A project that isn't there, or has no cloudpipe, is fine.
      """)

  @OptionGroup var options: CloudpipeOptions
  @OptionGroup var target: NetworkArguments

  /// What `--json` prints.
  struct Report: Encodable {
    let project: ProjectID
    let terminated: [NetworkName]
  }

  func run() async throws {
    let project = try target.project()
    let name = try target.networkName()
    let ended = try await options.reporting { open, launcher in
      var ended: [NetworkName] = []
      // What is asked for is that there is none, and what a killed launch left may be in no table but the journal.
      let known = (try? await open.store.networks(of: project, named: name)) ?? []
      for id in name.map({ [NetworkID(project: project, name: $0)] }) ?? known {
        try await launcher.terminate(id)
        if known.contains(id) { ended.append(id.name) }
      }
      return ended
    }
    let text =
      ended.isEmpty
      ? "\(project) has no cloudpipe\(name.map { " on the network \($0)" } ?? "")\n"
      : ended.map { "terminated \(NetworkID(project: project, name: $0))\n" }.joined()
    try options.global.print(Report(project: project, terminated: ended), text: text)
  }
}
