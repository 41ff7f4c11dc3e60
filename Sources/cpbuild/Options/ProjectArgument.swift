import ArgumentParser
import Launching
import Names
import State

/// The project that a command is about, or all of them when none is named.
struct OptionalProjectArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The project; all of them when left out.", valueName: "project"))
  private var name: String?

  /// - Throws: `NameError`.
  func project() throws -> ProjectID? { try name.map { try ProjectID($0) } }
}

/// The project that a command is about, and which of its networks.
struct NetworkArguments: ParsableArguments {
  @Argument(help: ArgumentHelp("The project.", valueName: "project"))
  private var projectName: String

  @Option(help: ArgumentHelp("One of the project's networks.", valueName: "name"))
  private var network: String?

  /// - Throws: `NameError`.
  func project() throws -> ProjectID { try ProjectID(projectName) }

  /// - Throws: `NameError`.
  func networkName() throws -> NetworkName? { try network.map { try NetworkName($0) } }

  /// The network that is named, else all of the project's.
  ///
  /// - Throws: `NameError`, `LaunchError`, `StateError`.
  func all(in state: StateStore) async throws -> [NetworkID] {
    try await state.networks(of: project(), named: networkName())
  }

  /// The network that is named, else the project's standard one, else its only one.
  ///
  /// - Throws: `NameError`, `LaunchError`, `StateError`.
  func one(in state: StateStore) async throws -> NetworkID {
    try await state.network(of: project(), named: networkName())
  }

  /// The same for what is fine with there being none.
  ///
  /// - Throws: `NameError`, ``LaunchError/severalNetworks(_:_:)``, `StateError`.
  func oneIfThere(in state: StateStore) async throws -> NetworkID? {
    do {
      return try await one(in: state)
    } catch LaunchError.noProject, LaunchError.notLaunched {
      return nil
    }
  }
}
