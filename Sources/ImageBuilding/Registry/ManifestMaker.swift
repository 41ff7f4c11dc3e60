import Foundation
import Host
import SystemPackage

/// Puts an image's manifest together, and holds the image against its recipe's checks.
struct ManifestMaker {
  let recipe: Recipe
  let base: PreparedBase
  let inspection: BaseInspection
  let keys: StageKeys
  let finished: FinishedGuest
  let listing: TreeReader.Result
  let status: DpkgStatus
  let options: ImageBuilder.Options

  /// - Throws: ``ImageError/check(recipe:complaints:)``, ``HostError``.
  func make(disk: FilePath) throws -> Manifest {
    let tree = listing.tree
    let size = UInt64(try FileManager.default.attributesOfItem(atPath: disk.string)[.size] as? Int ?? 0)
    let virtualSize = finished.target?.size ?? base.virtualSize
    let manifest = Manifest(
      id: keys.image, recipe: recipe.name, summary: recipe.summary, tool: options.tool, epoch: options.epoch,
      system: .init(
        distribution: inspection.system.distribution, version: inspection.system.version,
        codename: inspection.system.codename, architecture: inspection.system.architecture),
      base: .init(origin: base.origin, digest: base.digest),
      stages: .init(packages: keys.packages, overlays: keys.overlays, finish: keys.finish),
      disk: .init(format: "qcow2", sha256: try Digest.ofFile(disk), size: size, virtualSize: virtualSize),
      boot: BootFiles.find(in: tree, root: finished.rootUUID),
      minimumMemory: recipe.minimumMemory, minimumDisk: Int((virtualSize + (1 << 30) - 1) >> 30),
      packages: status.installed.map { .init(name: $0.name, version: $0.version, architecture: $0.architecture) }
        .sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) },
      checks: .init(files: recipe.checks.files, enabled: recipe.checks.enabled),
      enabledUnits: tree.enabledUnits,
      tree: .init(digest: tree.digest, entries: tree.entries.count, size: listing.size), files: tree.entries)
    let complaints = complaints(about: manifest)
    guard complaints.isEmpty else { throw ImageError.check(recipe: recipe.name, complaints: complaints) }
    return manifest
  }

  private func complaints(about manifest: Manifest) -> [String] {
    var complaints = RecipeChecks.complaints(manifest.checks, tree: listing.tree)
    if manifest.boot.kernel.isEmpty { complaints.append("there is no kernel in /boot") }
    if let limit = recipe.checks.maximumDownload, manifest.disk.size > limit {
      complaints.append("the compressed disk has \(manifest.disk.size) bytes, more than \(limit)")
    }
    return complaints
  }
}

/// What a recipe demands, held against what an image holds.
enum RecipeChecks {
  static func complaints(_ checks: Manifest.Checks, tree: Tree) -> [String] {
    let paths = Set(tree.entries.map(\.path))
    let units = Set(tree.enabledUnits)
    return checks.files.filter { !paths.contains($0) }.map { "\($0) is missing" }
      + checks.enabled.filter { !units.contains($0) }.map { "the unit \($0) isn't enabled" }
  }
}

/// The kernel and initramfs that an image boots.
enum BootFiles {
  /// The newest of each, by dpkg's idea of versions being close enough to byte order for one distribution's kernels.
  static func find(in tree: Tree, root: String) -> Manifest.Boot {
    let files = tree.entries.filter { $0.type == .file && $0.path.hasPrefix("/boot/") }.map(\.path)
    func newest(_ prefix: String) -> String? {
      files.filter { $0.hasPrefix(prefix) }.max { $0.compare($1, options: .numeric) == .orderedAscending }
    }
    return Manifest.Boot(kernel: newest("/boot/vmlinuz-") ?? "", initramfs: newest("/boot/initrd.img-"), root: root)
  }
}

extension Tree {
  /// The names of units that links in `*.wants` and `*.requires` below /etc/systemd/system start at boot, sorted.
  var enabledUnits: [String] {
    let units = entries.compactMap { entry -> String? in
      let parts = entry.path.split(separator: "/")
      guard entry.type == .link, parts.count == 5, entry.path.hasPrefix("/etc/systemd/system/"),
        parts[3].hasSuffix(".wants") || parts[3].hasSuffix(".requires")
      else { return nil }
      return String(parts[4])
    }
    // A unit that is masked never starts, whatever else links to it (systemctl(1)).
    let masked = entries.filter { $0.type == .link && $0.target == "/dev/null" }.map(\.path)
    return Set(units).filter { !masked.contains("/etc/systemd/system/\($0)") }.sorted()
  }
}
