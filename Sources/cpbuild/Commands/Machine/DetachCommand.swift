import ArgumentParser
import Launching
import Names
import State

/// `cpbuild detach`.
struct DetachCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detach",
    abstract: "Unplug a machine from a project's network.",
    discussion: "Its address is free at once. A machine that isn't attached is fine.")

  @OptionGroup var options: CloudpipeOptions
  @OptionGroup var target: NetworkArguments

  @Argument(help: ArgumentHelp("What the machine is called.", valueName: "name"))
  var name: String

  /// What `--json` prints.
  struct Report: Encodable {
    let project: ProjectID
    let name: MachineName
    /// The network that it was attached to; left out where it wasn't.
    let detached: NetworkName?
  }

  func run() async throws {
    let (project, name) = (try target.project(), try MachineName(name))
    let network = try await options.reporting { open, launcher -> NetworkID? in
      // What is asked for is that there is none, and so there isn't where there is no network.
      guard let id = try await target.oneIfThere(in: open.store) else { return nil }
      return try await launcher.detach(name, from: id) ? id : nil
    }
    let text = network.map { "detached \(name) from \($0)\n" } ?? "\(project) has no machine \(name)\n"
    try options.global.print(Report(project: project, name: name, detached: network?.name), text: text)
  }
}
