import ArgumentParser
import Launching
import Names
import State

/// `cpbuild ca revoke`.
struct CARevoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Revoke a whole project: its CA, and every certificate of its users and cloudpipes.",
    discussion: """
      Can't be taken back. 'cpbuild ca renew PROJECT' gives the project a new CA afterwards, with which all begin anew. \
      Doing it again changes nothing.
      """)

  @OptionGroup var state: StateOptions

  @Argument(help: ArgumentHelp("The project.", valueName: "project"))
  var project: String

  @Option(
    help: ArgumentHelp(
      "Why: unspecified, caCompromise, cessationOfOperation or privilegeWithdrawn.", valueName: "reason"))
  var reason = Reason.unspecified

  @Flag(help: "Say that it is meant: nobody of the project can connect afterwards.")
  var yes = false

  /// The reasons that fit a project as a whole.
  enum Reason: String, CaseIterable, ExpressibleByArgument {
    case unspecified, caCompromise, cessationOfOperation, privilegeWithdrawn

    /// As `user revoke` reads them.
    init?(argument: String) {
      let reason = RevocationReason(argument: argument)
      guard let found = Self.allCases.first(where: { $0.inState == reason }) else { return nil }
      self = found
    }

    var inState: RevocationReason {
      switch self {
      case .unspecified: .unspecified
      case .caCompromise: .caCompromise
      case .cessationOfOperation: .cessationOfOperation
      case .privilegeWithdrawn: .privilegeWithdrawn
      }
    }
  }

  /// What `--json` prints.
  struct Report: Encodable {
    let project: String
    let wasRevoked: Bool
    let lineages: Int
    let cloudpipes: [ToldCloudpipe]
  }

  mutating func validate() throws {
    if !yes { throw ValidationError("revoking a whole project can't be taken back: add --yes if it is meant.") }
  }

  func run() async throws {
    let project = try ProjectID(project)
    guard let open = try await state.openIfThere() else { throw TrustKeeperError.noProject(project) }
    let done = try await open.trust.revoke(wholeProject: project, reason: reason.inState)
    let cloudpipes = try await open.users().tell(project).map { ToldCloudpipe($0, $1) }
    let text =
      done.wasRevoked
      ? "\(project) was revoked before\n"
      : "revoked \(project): its CA, and all of \(done.lineages) users and cloudpipes\n"
    try state.global.print(
      Report(project: project.text, wasRevoked: done.wasRevoked, lineages: done.lineages, cloudpipes: cloudpipes),
      text: text + cloudpipes.map(\.sentence).joined())
    if cloudpipes.contains(where: { $0.error != nil }) { throw ArgumentParser.ExitCode.failure }
  }
}
