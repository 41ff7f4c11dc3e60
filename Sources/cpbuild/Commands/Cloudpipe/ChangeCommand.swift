import ArgumentParser
import Launching
import Names
import State

/// `cpbuild change`.
struct ChangeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "change",
    abstract: "Move a cloudpipe to another public address or port.",
    discussion: """
      Users' profiles name the old place: those that become stale are listed, and 'cpbuild user add --renew' makes new \
      ones. The instance goes on running, and so do connections until they are made anew.
      """)

  @OptionGroup var options: CloudpipeOptions
  @OptionGroup var target: NetworkArguments

  @Option(help: ArgumentHelp("The address that users connect to, one of this machine's.", valueName: "address"))
  var ip: String?

  @Option(help: ArgumentHelp("The port that users connect to.", valueName: "number"))
  var port: String?

  /// What `--json` prints.
  struct Report: Encodable {
    struct Place: Encodable {
      let address: IPv4Address
      let port: UInt16
    }
    let project: ProjectID
    let network: NetworkName
    let old: Place
    let new: Place
    /// Whose profiles name the old place.
    let stale: [UserName]
  }

  mutating func validate() throws {
    if ip == nil && port == nil { throw ValidationError("Say where to with --ip, --port or both.") }
  }

  func run() async throws {
    let (address, port) = (try ip.map { try IPv4Address($0) }, try port.map { try PortNumber($0) })
    let report = try await options.reporting { open, launcher in
      let id = try await target.one(in: open.store)
      let (old, new) = try await launcher.change(id, address: address, port: port)
      let users = try await ProjectUsers(keeper: open.trust).list(of: id.project).users
      return Report(
        project: id.project, network: id.name, old: .init(address: old.address, port: old.port.rawValue),
        new: .init(address: new.address, port: new.port.rawValue),
        stale: old == new ? [] : users.filter { $0.status == .valid }.map(\.user))
    }
    try options.global.print(report, text: text(report))
  }

  private func text(_ report: Report) -> String {
    let (old, new) = (report.old, report.new)
    let id = "\(report.project)/\(report.network)"
    guard (old.address, old.port) != (new.address, new.port) else {
      return "\(id) is at \(new.address):\(new.port) already\n"
    }
    let moved = "\(id) moved from \(old.address):\(old.port) to \(new.address):\(new.port)\n"
    guard !report.stale.isEmpty else { return moved }
    return moved + "these users' profiles name the old place; make new ones with 'cpbuild user add --renew':\n"
      + report.stale.map { "  \($0.text.escapingControls())\n" }.joined()
  }
}
