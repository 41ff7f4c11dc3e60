import ArgumentParser
import Glibc
import Names
import State

/// `cpbuild list`.
struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the projects with their networks and cloudpipes.",
    discussion: """
      The state is the one that was seen last: pending, running, down or invalid; none where a project has no cloudpipe.

      Example:
        cpbuild list --json | jq -r '.[] | select(.state == "down") | .project'
      """)

  @OptionGroup var options: StateOptions

  /// What `--json` prints of each network; the keys without a value are left out.
  struct Entry: Encodable {
    // Text, and sorted: so they are encoded in a fraction of the time, and there may be 10,000 entries.
    let cidr: String?
    let image: String?
    let mode: String?
    let network: String?
    let project: String
    let publicAddress: String?
    let publicPort: UInt16?
    let state: String?

    init(_ line: ProjectOverview) {
      project = line.project.text
      network = line.network?.text
      cidr = line.cidr?.text
      mode = line.mode?.rawValue
      publicAddress = line.publicAddress?.text
      publicPort = line.publicPort?.rawValue
      state = line.state?.rawValue
      image = line.imageId
    }
  }

  func run() async throws {
    let lines = try await options.openIfThere()?.store.read { try $0.projects.overview() } ?? []
    try options.global.print(lines.map(Entry.init), text: Self.text(lines, width: Terminal.width(of: STDOUT_FILENO)))
  }

  private static func text(_ lines: [ProjectOverview], width: Int?) -> String {
    guard !lines.isEmpty else { return "no projects\n" }
    var table = Table(["PROJECT", "NETWORK", "CIDR", "MODE", "PUBLIC", "STATE", "IMAGE"])
    for line in lines {
      let address = line.publicAddress.map { "\($0):\(line.publicPort.map { "\($0)" } ?? "")" }
      table.add([
        line.project.text, line.network?.text ?? "", line.cidr?.text ?? "", line.mode?.rawValue ?? "", address ?? "",
        line.state?.rawValue ?? "", line.imageId ?? "",
      ])
    }
    return table.text(width: width)
  }
}
