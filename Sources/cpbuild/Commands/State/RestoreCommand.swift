import ArgumentParser
import Launching
import State
import SystemPackage

/// `cpbuild restore`.
struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Bring back what ran before this machine was restarted, or replace all state by a backup.",
    discussion: """
      Without a file it is 'cpbuild launch --all': every cloudpipe that was launched and doesn't run is booted, with the \
      machines that were attached where they are still there.

      With a backup all state is replaced by it, in one transaction: other commands see the old state or the new. What is \
      revoked stays revoked, and CRL numbers go on rising. Where the present state has something that the backup hasn't, nothing is changed and it is said what would \
      be lost; --force goes on all the same, and puts a database aside that is too damaged to be opened.
      """)

  @OptionGroup var cloudpipes: CloudpipeOptions
  private var options: StateOptions { cloudpipes.state }
  @Argument(help: ArgumentHelp("A file that 'cpbuild backup' wrote.", valueName: "file"))
  var file: String?
  @Flag(help: "Go on though something is lost.")
  var force = false

  mutating func validate() throws {
    if force && file == nil { throw ValidationError("--force is for a backup that is named.") }
    if file?.isEmpty == true { throw ValidationError("the file's name is empty.") }
  }

  /// What `--json` prints.
  struct Report: Encodable {
    let restored: String
    /// Whether something was lost, and what, in words.
    let lost: String?
    /// The roots' or projects' that nothing is left of.
    let missingCAs: [MissingCA]
    /// Below the home folder.
    let missingKeys: [String]
  }

  func run() async throws {
    guard let file else {
      let outcomes = try await cloudpipes.reporting { _, launcher in try await launcher.launchAll() }
      return try outcomes.print(options.global) { $0.line(waited: true) }
    }
    let path = FilePath.fromCommandLine(file)
    let result = try await StateStore.restore(path, into: options.home, force: force)
    // Every CRL is due after a restore: a cloudpipe may hold one with a higher number than the backup's.
    _ = try await options.open(renewingAll: true)
    let report = Report(
      restored: path.string, lost: result.loss.isEmpty ? nil : "\(result.loss)",
      missingCAs: result.withoutAuthority.map(MissingCA.init), missingKeys: result.missingKeys.map(\.text))
    try options.global.print(report, text: Self.text(report))
  }

  private static func text(_ report: Report) -> String {
    var lines = ["restored \(report.restored)"]
    if let lost = report.lost { lines.append("lost: \(lost)") }
    lines += report.missingCAs.map(\.sentence)
    for key in report.missingKeys { lines.append("the key \(key) is nowhere: what it belongs to has to be made anew") }
    return lines.map { $0.escapingControls() + "\n" }.joined()
  }
}
