import ArgumentParser
import Foundation
import Launching
import Names
import State
import SystemPackage
import Trust

/// `cpbuild user add`.
struct UserAdd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Issue a certificate to a user, and write the profile that lets them in.",
    discussion: """
      The profile is one OpenVPN file with everything inline, mode 0600; it goes to stdout unless --out or --zip names a \
      file. An existing file is replaced with --force only.

      The cloudpipe's public address and port are known from its launch. For a cloudpipe that wasn't launched here, name \
      them with --remote; the project's CA is then made on first use, and the VPN taken to be routed unless --mode says \
      otherwise.

      Examples:
        cpbuild user add acme alice --out alice.ovpn
        cpbuild user add acme alice --renew --expires 2027-03-31 --out alice.ovpn --force
        cpbuild user add acme bob --csr bob.csr --remote vpn.example.org:1194 > bob.ovpn
      """)

  @OptionGroup var state: StateOptions
  @Argument(help: ArgumentHelp("The project.", valueName: "project")) var project: String
  @Argument(help: ArgumentHelp("The user's name.", valueName: "user")) var user: String

  @Option(
    help: ArgumentHelp("When it ends: a time such as 30d, or the last day (in UTC).", valueName: "30d|YYYY-MM-DD"))
  var expires: String?
  @Option(help: ArgumentHelp("Where the profile goes, '-' for stdout.", valueName: "file"))
  var out: String?
  @Option(help: ArgumentHelp("A zip archive with profile, certificate, key and CA certificate.", valueName: "file"))
  var zip: String?
  @Option(help: ArgumentHelp("The signing request of a user who keeps their private key.", valueName: "file"))
  var csr: String?
  @Option(help: ArgumentHelp("Of the key that is made: p256, p384, ed25519, rsa3072 or rsa4096.", valueName: "type"))
  var keyType: Trust.KeyType?
  @Option(help: ArgumentHelp("Which of the project's networks.", valueName: "name"))
  var network: String?
  @Option(help: ArgumentHelp("Where the cloudpipe answers; may be given several times.", valueName: "host:port"))
  var remote: [String] = []
  @Option(help: ArgumentHelp("'routed' or 'bridged', for a cloudpipe that wasn't launched here.", valueName: "mode"))
  var mode: VPNMode?
  @Flag(help: "Give a user who has a certificate another one; the old one stays good.")
  var renew = false
  @Flag(help: "Replace files that are there.")
  var force = false

  mutating func validate() throws {
    if csr != nil && keyType != nil { throw ValidationError("--csr and --key-type don't go together.") }
    if out == "" { throw ValidationError("--out is empty.") }
    if zip == "" { throw ValidationError("--zip is empty.") }
    if csr == "" { throw ValidationError("--csr is empty.") }
    if out == "-" && state.global.json { throw ValidationError("--json and --out - don't go together.") }
    if let file = outFile, file == path(zip) { throw ValidationError("--out and --zip name the same file.") }
  }

  func run() async throws {
    let (project, user) = (try ProjectID(project), try UserName(user))
    let admission = try admission(now: Date())
    for file in [outFile, path(zip)] { try file.map(state.home.checkIsNotOwn) }
    let delivery = try ProfileDelivery(out: outFile, zip: path(zip), replacing: force)
    do {
      let users = ProjectUsers(keeper: try await state.open().trust)
      try await users.add(user, to: project, admission, delivery: delivery) { try report($0) }
    } catch {
      delivery.discard()
      throw error
    }
  }

  private func admission(now: Date) throws -> ProjectUsers.Admission {
    var admission = ProjectUsers.Admission()
    admission.target.network = try network.map { try NetworkName($0) }
    admission.target.mode = mode
    admission.target.remotes = try remote.map { try RemoteText.read($0) }
    admission.expiry = try expires.map { try ExpiryText.read($0, now: now) }
    admission.keyType = keyType
    admission.request = try path(csr).map { try RequestFile.read($0) }
    admission.isRenewal = renew
    return admission
  }

  private func report(_ new: NewUser) throws {
    let toStdout = outFile == nil && (zip == nil || out == "-")
    let document = try UserAddDocument(new, file: outFile, archive: path(zip), includingProfile: toStdout)
    if !toStdout || state.global.json { return try state.global.print(document, text: document.sentence) }
    try new.profile.render().withUnsafeBytes { try StandardOutput.write(String(decoding: $0, as: UTF8.self)) }
    if state.global.verbosity > .quiet { StandardError.write(document.sentence) }
  }

  private var outFile: FilePath? { out == "-" ? nil : path(out) }

  private func path(_ text: String?) -> FilePath? {
    text.map { FilePath.fromCommandLine($0).lexicallyNormalized() }
  }
}
