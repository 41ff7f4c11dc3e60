import ArgumentParser
import Glibc
import ImageBuilding

/// `cpbuild image list`.
struct ImageList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the images in the folder for artifacts.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var artifacts: ArtifactOptions

  /// What `--json` prints of each image.
  struct Entry: Encodable {
    let id: String
    let recipe: String
    let system: String
    let size: UInt64
    let virtualSize: UInt64
    let isCurrent: Bool
  }

  func run() async throws {
    let registry = ImageRegistry(out: artifacts.out)
    let entries = try registry.list().map { id in
      let manifest = try registry.manifest(of: id)
      return Entry(
        id: id.description, recipe: manifest.recipe,
        system: "\(manifest.system.distribution) \(manifest.system.version)",
        size: manifest.disk.size, virtualSize: manifest.disk.virtualSize, isCurrent: registry.current == id)
    }
    var table = Table(["ID", "RECIPE", "SYSTEM", "SIZE", "DISK", ""])
    for entry in entries {
      table.add([
        entry.id, entry.recipe, entry.system, Quantity.bytes(entry.size), Quantity.bytes(entry.virtualSize),
        entry.isCurrent ? "vpn_image_id" : "",
      ])
    }
    let text =
      entries.isEmpty
      ? "no images in \(registry.images); 'cpbuild image' builds one\n"
      : table.text(width: Terminal.width(of: STDOUT_FILENO))
    try global.print(entries, text: text)
  }
}
