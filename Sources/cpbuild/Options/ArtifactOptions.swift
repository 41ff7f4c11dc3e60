import ArgumentParser
import Foundation
import SystemPackage

/// For commands that make or look at artifacts.
struct ArtifactOptions: ParsableArguments {
  @Option(
    name: .customLong("out"),
    help: ArgumentHelp("Where artifacts land.", valueName: "folder"))
  private var chosenOut = "out"

  mutating func validate() throws {
    if chosenOut.isEmpty { throw ValidationError("--out is empty.") }
  }

  /// Needn't exist yet. Always absolute.
  var out: FilePath { .fromCommandLine(chosenOut) }
}
