import ArgumentParser
import Foundation
import Glibc
import Host
import ImageBuilding
import SystemPackage

/// `cpbuild image build`, and `cpbuild image` alone.
struct ImageBuild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Build an image from a recipe, register it, and print its id.",
    discussion: """
      The same inputs always give the same id. What an earlier build made of them is taken over; two builds of one \
      recipe at once build it once.

      In a GitHub Actions job, 'vpn_image_id=ID' is also written to $GITHUB_OUTPUT.
      """)

  @OptionGroup var options: BuildOptions

  @Argument(
    help: ArgumentHelp("A recipe's name, or the path of its .yaml file.", valueName: "recipe"))
  var recipe = "cloudpipe"

  @Flag(help: "Keep what is left of a failed build for a look.")
  var keepOnError = false

  /// What `--json` prints.
  struct Report: Encodable {
    let vpnImageID: String
    let folder: String
    let existed: Bool
    let sha256: String
    let size: UInt64
    let virtualSize: UInt64
    let treeDigest: String
    let stages: [StageRunner.Timing]

    // The id goes by the name that CI carries it under.
    private enum CodingKeys: String, CodingKey {
      case vpnImageID = "vpn_image_id"
      case folder, existed, sha256, size, virtualSize, treeDigest, stages
    }
  }

  func run() async throws {
    let recipe = try RecipeShelf.standard.recipe(recipe)
    var settings = try options.builder()
    settings.keepOnError = keepOnError
    let build = settings
    let result = try await ProgressReporter.reporting(options.global.verbosity) { reporter in
      try await ImageBuilder(build) { reporter.take($0) }.build(recipe)
    }
    let id = result.manifest.id
    try Self.tellContinuousIntegration(id)
    let report = Report(
      vpnImageID: id.description, folder: options.registry.folder(of: id).string, existed: result.existed,
      sha256: result.manifest.disk.sha256.hex, size: result.manifest.disk.size,
      virtualSize: result.manifest.disk.virtualSize, treeDigest: result.manifest.tree.digest.hex, stages: result.timings
    )
    try options.global.print(report, text: "\(id)\n")
  }

  /// GitHub's "Passing information between jobs": a line `name=value` at the end of the file that the variable names.
  private static func tellContinuousIntegration(_ id: ImageID) throws {
    guard let path = ProcessInfo.processInfo.environment["GITHUB_OUTPUT"], !path.isEmpty else { return }
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw ImageError.output(path, errno: errno) }
    defer { close(descriptor) }
    let line = Array("vpn_image_id=\(id)\n".utf8)
    guard write(descriptor, line, line.count) == line.count else { throw ImageError.output(path, errno: errno) }
  }
}
