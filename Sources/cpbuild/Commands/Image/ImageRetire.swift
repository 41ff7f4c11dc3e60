import ArgumentParser
import Clouds
import OpenStack

/// `cpbuild image retire`.
struct ImageRetire: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retire", abstract: "Remove an image from an OpenStack cloud.",
    discussion: "Only images that cpbuild brought there are removed; instances that run one go on.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var cloud: CloudOption
  @Argument(help: ArgumentHelp("The image's id: its own, or Glance's.", valueName: "id"))
  var id: String

  func run() async throws {
    let removed = try await ImagePublication(session: try cloud.session()).retire(id)
    try global.print(["retired": removed], text: removed.map { "retired \($0)\n" }.joined())
  }
}
