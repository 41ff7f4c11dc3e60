import ArgumentParser
import Glibc
import ImageBuilding

/// `cpbuild image verify`.
struct ImageVerify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Hold an image against its checksums, its manifest and its recipe's checks.",
    discussion: """
      The disk is opened read-only and every drift is reported: files, modes, owners, links, packages, enabled units, \
      keys that must not be in an image. Exit status 1 where there is any.
      """)

  @OptionGroup var options: BuildOptions
  @OptionGroup var argument: ImageArgument

  /// What `--json` prints.
  struct Report: Encodable {
    let id: String
    let ok: Bool
    let drift: [Drift]
  }

  func run() async throws {
    let registry = options.registry
    let id = try argument.image(in: registry)
    let drift = try await ImageVerifier(registry: registry, cache: options.cache).verify(id)
    var table = Table(["DRIFT", "WHERE", "EXPECTED", "FOUND"])
    for item in drift { table.add([item.kind.rawValue, item.subject, item.expected, item.found]) }
    let text =
      drift.isEmpty
      ? "\(id) is what its manifest and recipe say\n"
      : table.text(width: Terminal.width(of: STDOUT_FILENO)) + "\(drift.count) drifts in \(id)\n"
    try options.global.print(Report(id: id.description, ok: drift.isEmpty, drift: drift), text: text)
    if !drift.isEmpty { throw ExitCode(Outcome.failed.rawValue) }
  }
}
