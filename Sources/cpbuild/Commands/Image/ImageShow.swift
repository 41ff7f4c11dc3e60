import ArgumentParser
import Glibc
import Host
import ImageBuilding
import SystemPackage

/// `cpbuild image show`.
struct ImageShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what an image is and what it was made of.",
    discussion: "With --json: its manifest, with every package and file.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var artifacts: ArtifactOptions
  @OptionGroup var argument: ImageArgument

  func run() async throws {
    let registry = ImageRegistry(out: artifacts.out)
    let id = try argument.image(in: registry)
    let manifest = try registry.manifest(of: id)
    try global.print(manifest, text: Self.text(manifest, folder: registry.folder(of: id).string))
  }

  private static func text(_ manifest: Manifest, folder: String) -> String {
    let lines: [(String, String)] = [
      ("id", manifest.id.description),
      ("recipe", manifest.recipe),
      ("summary", manifest.summary),
      ("folder", folder),
      (
        "system",
        "\(manifest.system.distribution) \(manifest.system.version) (\(manifest.system.codename)), \(manifest.system.architecture)"
      ),
      ("base", manifest.base.origin),
      ("kernel", manifest.boot.kernel),
      (
        "disk",
        "\(manifest.disk.format), \(Quantity.bytes(manifest.disk.size)), virtual size \(Quantity.bytes(manifest.disk.virtualSize))"
      ),
      ("sha256", manifest.disk.sha256.hex),
      ("needs", "\(manifest.minimumMemory) MiB of memory, \(manifest.minimumDisk) GiB of disk"),
      ("packages", "\(manifest.packages.count)"),
      ("files", "\(manifest.tree.entries), \(Quantity.bytes(manifest.tree.size))"),
      ("tree", manifest.tree.digest.hex),
      ("built by", "cpbuild \(manifest.tool), SOURCE_DATE_EPOCH \(manifest.epoch)"),
    ]
    return lines.map { "\($0.0.padded(to: 9)) \($0.1.escapingControls())\n" }.joined()
  }
}
