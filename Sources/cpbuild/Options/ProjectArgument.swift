import ArgumentParser
import Names

/// The project that a command is about, or all of them when none is named.
struct OptionalProjectArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The project; all of them when left out.", valueName: "project"))
  private var name: String?

  /// - Throws: `NameError`.
  func project() throws -> ProjectID? { try name.map { try ProjectID($0) } }
}
