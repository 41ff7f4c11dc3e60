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
    let project: ProjectID
    let network: NetworkName?
    let cidr: IPv4Network?
    let mode: VPNMode?
    let publicAddress: IPv4Address?
    let publicPort: UInt16?
    let state: InstanceState?
    let image: String?

    init(_ line: ProjectOverview) {
      project = line.project
      network = line.network
      cidr = line.cidr
      mode = line.mode
      publicAddress = line.publicAddress
      publicPort = line.publicPort?.rawValue
      state = line.state
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
