import ArgumentParser
import Launching
import Names
import Trust

/// `cpbuild ca renew`.
struct CARenew: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew",
    abstract: "Replace a project's CA, in steps in which old and new are both trusted.",
    discussion: """
      announce: a new CA is made and trusted; the old one issues. Then restart the cloudpipe and hand every user a new \
      profile, which trusts both.
      switch: the new CA issues. Refused while a user has no profile from after the announcement. Then restart the \
      cloudpipe and hand every user a new profile.
      settle: the old CA isn't trusted any more, and is put on the root's revocation list. Refused while one of its \
      certificates is in use.

      A project that was revoked gets a new CA at once, since nobody of the old one is to be kept. A step out of order \
      is refused with exit status 3.

      Example:
        cpbuild ca renew acme && cpbuild restart acme
      """)

  @OptionGroup var state: StateOptions

  @Argument(help: ArgumentHelp("The project.", valueName: "project"))
  var project: String

  @Option(help: "announce, switch or settle.")
  var step = Step.announce

  @Flag(
    help: "Switch though there are users whose profile doesn't trust the new CA: they can't connect until they get one."
  )
  var force = false

  mutating func validate() throws {
    if force && step != .switch { throw ValidationError("--force goes with --step switch only.") }
  }

  /// The steps, as they are typed.
  enum Step: String, CaseIterable, ExpressibleByArgument {
    case announce, `switch`, settle

    var inTrust: RolloverStep {
      switch self {
      case .announce: .announce
      case .switch: .switch
      case .settle: .settle
      }
    }
  }

  /// What `--json` prints.
  struct Report: Encodable {
    let project: String
    let step: String
    let stage: String
    let next: String
  }

  func run() async throws {
    let project = try ProjectID(project)
    guard let open = try await state.openIfThere() else { throw TrustKeeperError.noProject(project) }
    var next = step.inTrust.advice(project)
    switch step {
    case .announce:
      if try await open.trust.announce(project) {
        next =
          "the revoked project has a new CA: run 'cpbuild restart \(project)', and 'cpbuild user add' for each user"
      }
    case .switch: try await open.trust.switchAuthority(of: project, isForced: force)
    case .settle: try await open.trust.settle(project)
    }
    let stage = try await open.trust.rolloverStage(of: project)
    try state.global.print(
      Report(project: project.text, step: step.rawValue, stage: stage.rawValue, next: next), text: next + "\n")
  }
}
