import ArgumentParser
import Clouds
import SystemPackage

/// `cpbuild metadata-service`, which cpbuild starts itself for each network of the local cloud.
struct MetadataServiceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metadata-service", abstract: "Answer a network's machines at 169.254.169.254.", shouldDisplay: false)

  @Option(help: ArgumentHelp("The network's folder.", valueName: "folder"))
  var folder: String

  func run() async throws { try await MetadataService(folder: FilePath(folder)).run() }
}
