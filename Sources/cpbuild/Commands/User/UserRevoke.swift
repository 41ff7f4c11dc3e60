import ArgumentParser
import Launching
import Names
import State

/// `cpbuild user revoke`.
struct UserRevoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Throw a user out of a project's VPN, or take back one of their certificates.",
    discussion: """
      All certificates of the user are revoked, and the new CRL is signed and exported at once. What is revoked stays \
      revoked; doing it again changes nothing. 'cpbuild user add' lets the user in again, with another certificate.

      Examples:
        cpbuild user revoke acme alice
        cpbuild user revoke acme alice --serial 2a7f… --reason key-compromise
        cpbuild user revoke --all-projects alice
      """)

  @OptionGroup var state: StateOptions
  @Argument(help: ArgumentHelp("The project; may be left out with --all-projects.", valueName: "project"))
  var first: String
  @Argument(help: ArgumentHelp("The user's name.", valueName: "user"))
  var second: String?
  @Option(help: ArgumentHelp("Only the certificate with this serial number.", valueName: "hex"))
  var serial: String?
  @Option(help: ArgumentHelp("Why, as RFC 5280 has it; unspecified when left out.", valueName: "reason"))
  var reason: RevocationReason?
  @Flag(help: "In every project.")
  var allProjects = false

  mutating func validate() throws {
    if second == nil && !allProjects { throw ValidationError("Missing expected argument '<user>'.") }
    if serial != nil && allProjects {
      throw ValidationError("--serial and --all-projects don't go together: a serial number is one project's.")
    }
  }

  func run() async throws {
    let user = try UserName(second ?? first)
    let project = second == nil ? nil : try ProjectID(first)
    let serial = try serial.map { try State.SerialNumber($0) }
    guard let open = try await state.openIfThere() else { throw missing(user, project) }
    let done = try await open.users().revoke(user, scope(project, serial), reason: reason ?? .unspecified)
    try state.global.print(UserRevokeDocument(user, done), text: done.map { Self.text(user, $0) }.joined())
    guard done.allSatisfy(\.isEffective) else { throw ExitCode.failure }
  }

  private func scope(_ project: ProjectID?, _ serial: State.SerialNumber?) -> ProjectUsers.Scope {
    guard let project, !allProjects else { return .everywhere }
    return serial.map { .certificate(project, $0) } ?? .project(project)
  }

  private func missing(_ user: UserName, _ project: ProjectID?) -> TrustKeeperError {
    allProjects ? .unknownUser(user) : project.map { .noProject($0) } ?? .unknownUser(user)
  }

  private static func text(_ user: UserName, _ done: RevokedUser) -> String {
    let (project, serials) = (done.revocation.project, done.revocation.serials)
    let what =
      serials.isEmpty
      ? "\(user) of \(project) was revoked before: nothing to do, CRL \(done.revocation.crl)"
      : "revoked \(user) of \(project): \(serials.joined(separator: ", ")), CRL \(done.revocation.crl)"
    return what + "\n" + done.cloudpipes.map { ToldCloudpipe($0, $1).sentence }.joined()
  }
}

/// What `cpbuild user revoke --json` prints.
struct UserRevokeDocument: Encodable {
  struct Project: Encodable {
    let project: String
    let serials: [String]
    let crl: Int64
    let cloudpipes: [ToldCloudpipe]
  }

  let user: String
  let projects: [Project]

  init(_ user: UserName, _ done: [RevokedUser]) {
    self.user = user.text
    projects = done.map { done in
      Project(
        project: done.revocation.project.text, serials: done.revocation.serials, crl: done.revocation.crl,
        cloudpipes: done.cloudpipes.map { ToldCloudpipe($0, $1) })
    }
  }
}
