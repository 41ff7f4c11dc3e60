import ArgumentParser
import Clouds
import Glibc
import ImageBuilding
import OpenStack

/// `cpbuild image list`.
struct ImageList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the images in the folder for artifacts.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var artifacts: ArtifactOptions

  @Option(
    name: [.customLong("cloud"), .customLong("os-cloud")],
    help: ArgumentHelp("List the images in this cloud of clouds.yaml instead.", valueName: "name"))
  var cloud: String?

  /// What `--json` prints of each image.
  struct Entry: Encodable {
    let id: String
    let recipe: String
    let system: String
    let size: UInt64
    let virtualSize: UInt64
    let isCurrent: Bool
    /// Why nothing can be said of it; nil for one that is as it should be.
    var damage: String?
  }

  /// What `--json` prints of each image in a cloud.
  struct CloudEntry: Encodable {
    let id: String
    let glanceID: String
    let recipe: String
    let status: String
    let size: UInt64
    let createdAt: String

    init(_ record: ImageRecord) {
      id = record.cpbuildImage ?? ""
      glanceID = record.id
      recipe = record.cpbuildRecipe ?? ""
      status = record.status
      size = record.size ?? 0
      createdAt = record.createdAt ?? ""
    }
  }

  func run() async throws {
    if let cloud { return try await list(in: cloud) }
    let registry = ImageRegistry(out: artifacts.out)
    let entries = try registry.list().map { id in
      let manifest: Manifest
      do { manifest = try registry.manifest(of: id) } catch let error as ImageError {
        return Entry(
          id: id.description, recipe: "", system: "", size: 0, virtualSize: 0, isCurrent: registry.current == id,
          damage: "\(error)")
      }
      return Entry(
        id: id.description, recipe: manifest.recipe,
        system: "\(manifest.system.distribution) \(manifest.system.version)",
        size: manifest.disk.size, virtualSize: manifest.disk.virtualSize, isCurrent: registry.current == id)
    }
    var table = Table(["ID", "RECIPE", "SYSTEM", "SIZE", "DISK", ""])
    for entry in entries {
      if let damage = entry.damage {
        StandardError.write("cpbuild: warning: \(damage.escapingControls())\n")
        table.add([entry.id, "damaged", "", "", "", entry.isCurrent ? "vpn_image_id" : ""])
        continue
      }
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

  private func list(in cloud: String) async throws {
    let images = try await ImagePublication(session: try Session(try CloudAccess.find(cloud))).list()
    let entries = images.map(CloudEntry.init)
    var table = Table(["ID", "GLANCE ID", "RECIPE", "STATUS", "SIZE", "CREATED"])
    for entry in entries {
      table.add([entry.id, entry.glanceID, entry.recipe, entry.status, Quantity.bytes(entry.size), entry.createdAt])
    }
    let text =
      entries.isEmpty
      ? "no images in the cloud \(cloud); 'cpbuild image publish --cloud \(cloud)' brings one there\n"
      : table.text(width: Terminal.width(of: STDOUT_FILENO))
    try global.print(entries, text: text)
  }
}
