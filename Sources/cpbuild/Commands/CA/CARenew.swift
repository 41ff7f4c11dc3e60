import ArgumentParser
import Launching
import Names
import Trust

/// `cpbuild ca renew`.
struct CARenew: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew",
    abstract: "Replace a project's CA, or the root, in steps in which old and new are both trusted.",
    discussion: """
      announce: a new CA is made and trusted; the old one issues. Then restart the cloudpipe and hand every user a new \
      profile, which trusts both.
      switch: the new CA issues. Refused while a user has no profile from after the announcement. Then restart the \
      cloudpipe and hand every user a new profile.
      settle: the old CA isn't trusted any more, and is put on the root's revocation list. Refused while one of its \
      certificates is in use.

      Without a project it is the root that is replaced: switch has the new root sign every project's CA once more. \
      Cloudpipes and users don't notice, since they trust their project's CA alone; whoever checks chains by the root \
      has to get 'cpbuild ca export' again after announce.

      A project that was revoked gets a new CA at once, since nobody of the old one is to be kept. A step out of order \
      is refused with exit status 3.

      Example:
        cpbuild ca renew acme && cpbuild restart acme
        cpbuild ca renew --step announce
      """)

  @OptionGroup var state: StateOptions

  @Argument(help: ArgumentHelp("The project; the root CA when left out.", valueName: "project"))
  var project: String?

  @Option(help: "announce, switch or settle.")
  var step = Step.announce

  @Flag(
    help: "Switch though there are users whose profile doesn't trust the new CA: they can't connect until they get one."
  )
  var force = false

  mutating func validate() throws {
    if force && step != .switch { throw ValidationError("--force goes with --step switch only.") }
    if force && project == nil { throw ValidationError("--force goes with a project only.") }
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
    /// Left out for the root.
    let project: String?
    let step: String
    let stage: String
    let next: String
  }

  func run() async throws {
    let project = try project.map { try ProjectID($0) }
    guard let open = try await state.openIfThere() else {
      throw project.map { .noProject($0) } ?? TrustKeeperError.noRoot
    }
    let (stage, next) =
      if let project { try await renew(project, open.trust) } else { try await renewRoot(open.trust) }
    try state.global.print(
      Report(project: project?.text, step: step.rawValue, stage: stage.rawValue, next: next), text: next + "\n")
  }

  private func renew(_ project: ProjectID, _ trust: TrustKeeper) async throws -> (ProjectTrust.Stage, String) {
    var next = step.inTrust.advice(project)
    switch step {
    case .announce:
      if try await trust.announce(project) {
        next =
          "the revoked project has a new CA: run 'cpbuild restart \(project)', and 'cpbuild user add' for each user"
      }
    case .switch: try await trust.switchAuthority(of: project, isForced: force)
    case .settle: try await trust.settle(project)
    }
    return (try await trust.rolloverStage(of: project), next)
  }

  private func renewRoot(_ trust: TrustKeeper) async throws -> (ProjectTrust.Stage, String) {
    switch step {
    case .announce: try await trust.announceRoot()
    case .switch: _ = try await trust.switchRoot()
    case .settle: try await trust.settleRoot()
    }
    return (try await trust.rootRolloverStage(), step.inTrust.advice(nil))
  }
}
