import ArgumentParser
import Clouds
import Foundation
import Glibc
import Host
import ImageBuilding
import Launching
import Names
import State
import SystemPackage

/// `cpbuild demo`.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Show all of it on this machine, with real parts: image, cloudpipe, user, revocation.",
    discussion: """
      Builds the image if there is none, launches a project's cloudpipe, puts a little web server into its network, lets \
      a user in who fetches the page through OpenVPN, revokes the user, and shows that the session ends and that they are \
      refused from then on. Then all of it is removed, and a report with timings left in the folder of artifacts.

      The demo has a home of its own, 'demo' in the home, so that nothing else is touched. Needs root.
      """)

  @OptionGroup var options: BuildOptions

  @Flag(help: "Leave all of it running for a look.")
  var keep = false

  @Flag(help: "Remove what a demo left running, and do no more.")
  var remove = false

  mutating func validate() throws {
    if keep && remove { throw ValidationError("--keep and --remove don't go together.") }
  }

  func run() async throws {
    guard geteuid() == 0 else { throw LaunchError.notPermitted(doing: "a demo's networks and cloudpipe") }
    for program in ["openvpn", "ssh", "curl"] { _ = try Program.find(program) }
    let home = Home(options.global.home.appending("demo"))
    try Folder.make(options.global.home, mode: 0o700)
    let lock = try FileLock.take(options.global.home.appending("demo.lock"))
    defer { withExtendedLifetime(lock) {} }
    if remove { return try await Demo(home: home, out: options.artifacts.out) { _ in }.clear() }
    let report = try await ProgressReporter.reporting(options.global.verbosity) { reporter in
      try await options.buildImage(unlessThereIsOne: reporter)
      let demo = Demo(home: home, out: options.artifacts.out) { reporter.take($0) }
      return try await demo.run(keeping: keep)
    }
    let file = options.artifacts.out.appending("demo-report.txt")
    try AtomicFile.write(report.text, to: file, mode: 0o644)
    let rest =
      keep
      ? "\nIt goes on running. Look at it, and remove it, with:\n  cpbuild show demo --home \(home.path)\n"
        + "  cpbuild demo --remove\n"
      : "\nAll of it is removed again. To begin in earnest:\n  cpbuild launch PROJECT\n"
    try options.global.print(report, text: report.text + rest)
  }
}

extension BuildOptions {
  /// - Throws: what the builder throws.
  fileprivate func buildImage(unlessThereIsOne reporter: ProgressReporter) async throws {
    if let current = registry.current, registry.contains(current) { return }
    let recipe = try RecipeShelf.standard.recipe("cloudpipe")
    _ = try await ImageBuilder(try builder()) { reporter.take($0) }.build(recipe)
  }
}

/// What a demo saw, and how long each thing took.
struct DemoReport: Encodable {
  struct Line: Encodable {
    let what: String
    let seconds: Double
    let saw: String
  }
  let image: String
  let lines: [Line]

  var text: String {
    var table = Table(["WHAT", "TIME", "SAW"])
    for line in lines { table.add([line.what, Quantity.seconds(line.seconds), line.saw]) }
    return "cpbuild \(Version.number), image \(image)\n\n" + table.text(width: nil)
  }
}
