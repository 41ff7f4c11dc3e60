import ArgumentParser
import ImageBuilding

/// `cpbuild image remove`.
struct ImageRemove: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove an image from the folder for artifacts.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var artifacts: ArtifactOptions
  @Argument(help: ArgumentHelp("The image's id.", valueName: "id"))
  var id: String

  func run() async throws {
    let registry = ImageRegistry(out: artifacts.out)
    guard let image = ImageID(id) else { throw ImageError.noSuchImage(id, folder: registry.images) }
    try registry.remove(image)
    try global.print(["removed": id], text: "removed \(id)\n")
  }
}
