import ArgumentParser
import Clouds
import Launching
import Names
import State

/// `cpbuild log`.
struct LogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Print what a cloudpipe said on its console since it was booted last.")

  @OptionGroup var options: StateOptions
  @OptionGroup var target: NetworkArguments

  @Flag(name: .shortAndLong, help: "Go on as it says more, until the instance is gone.")
  var follow = false

  /// What `--json` prints.
  struct Report: Encodable {
    let project: ProjectID
    let network: NetworkName
    let console: String
  }

  mutating func validate() throws {
    if follow && options.global.json { throw ValidationError("--follow and --json don't go together.") }
  }

  func run() async throws {
    guard let open = try await options.openIfThere() else { throw LaunchError.noProject(try target.project()) }
    let id = try await target.one(in: open.store)
    let cloud = try await open.clouds().cloud(of: id)
    let said = try await cloud.wholeConsole(of: id)
    let isLaunched = try await open.store.read { try $0.instances.find(id) } != nil
    if said.isEmpty && !isLaunched { throw LaunchError.notLaunched(id) }
    let report = Report(project: id.project, network: id.name, console: said)
    try options.global.print(report, text: Self.printable(said))
    guard follow else { return }
    try await ConsoleFollow(cloud: cloud, id: id).run(after: said) { try StandardOutput.write(Self.printable($0)) }
  }

  /// Lines on a console end with a return too, or several.
  private static func printable(_ console: String) -> String {
    String(String.UnicodeScalarView(console.unicodeScalars.filter { $0 != "\r" })).escapingControls(keepingLines: true)
  }
}
