import ArgumentParser
import Clouds
import Host
import ImageBuilding
import OpenStack

/// `cpbuild image publish`.
struct ImagePublish: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: "Bring an image to an OpenStack cloud, and print its id there.",
    discussion: """
      The image that is there with the same content is left as it is. An upload that stops in the middle is begun anew by \
      the next one. What arrived is compared with what was sent.

      Examples:
        cpbuild image publish --cloud mycloud
        cpbuild image publish ami-0123456789abcdef0 --cloud mycloud --artifact glance
      """)

  enum Artifact: String, ExpressibleByArgument, CaseIterable { case ami, glance }

  @OptionGroup var global: GlobalOptions
  @OptionGroup var artifacts: ArtifactOptions
  @OptionGroup var cloud: CloudOption
  @OptionGroup var argument: ImageArgument

  @Option(help: "What vpn_image_id is to hold afterwards: the image's own id, or Glance's.")
  var artifact: Artifact?

  /// What `--json` prints.
  struct Report: Encodable {
    let id: String
    let glanceID: String
    let cloud: String
    let existed: Bool
  }

  func run() async throws {
    let registry = ImageRegistry(out: artifacts.out)
    let session = try cloud.session()
    let id = try await image(in: registry, session)
    let manifest = try registry.manifest(of: id)
    let image = PublishableImage(manifest, in: registry)
    let made = try await ProgressReporter.reporting(global.verbosity) { reporter in
      try await ImagePublication(session: session) { reporter.take($0) }.publish(image)
    }
    switch artifact {
    case .ami: try registry.select(cloudID: id.description)
    case .glance: try registry.select(cloudID: made.id)
    case nil: break
    }
    let report = Report(
      id: id.description, glanceID: made.id, cloud: session.access.name, existed: made.existed)
    try global.print(report, text: "\(made.id)\n")
  }
}

extension ImagePublish {
  /// The image that is named, else the one of vpn_image_id, which may be by Glance's id since the last time.
  private func image(in registry: ImageRegistry, _ session: Session) async throws -> ImageID {
    if argument.id == nil, let text = registry.currentText, ImageID(text) == nil {
      let all = try await ImagePublication(session: session).list()
      let id = all.first { $0.id == text }?.cpbuildImage.flatMap { ImageID($0) }
      if let id, registry.contains(id) { return id }
    }
    return try argument.image(in: registry)
  }
}

extension PublishableImage {
  init(_ manifest: Manifest, in registry: ImageRegistry) {
    self.init(
      id: manifest.id.description, recipe: manifest.recipe, disk: registry.disk(of: manifest.id),
      size: manifest.disk.size, virtualSize: manifest.disk.virtualSize, sha256: manifest.disk.sha256.hex,
      minimumDisk: manifest.minimumDisk, minimumMemory: manifest.minimumMemory,
      distribution: manifest.system.distribution, version: manifest.system.version,
      architecture: manifest.system.architecture)
  }
}
