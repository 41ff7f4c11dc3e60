import ArgumentParser
import OpenStack

/// For commands that speak to one OpenStack cloud.
struct CloudOption: ParsableArguments {
  @Option(
    name: [.customLong("cloud"), .customLong("os-cloud")],
    help: ArgumentHelp(
      "A cloud of clouds.yaml; else $OS_CLOUD, else the one that the OS_ variables describe.", valueName: "name"))
  var name: String?

  /// - Throws: `OpenStackError`, `DeclarationError`, `HostError`.
  func session() throws -> Session { try Session(try CloudAccess.find(name)) }
}
