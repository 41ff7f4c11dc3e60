import Clouds
import Foundation
import Host
import ImageBuilding
import State
import SystemPackage

/// Finds the image and registers it.
struct ImageStep: ReversibleStep {
  static let name = StepName.image

  let choice: ImageChoice

  var detail: String? { choice.id }

  /// Registering is no part of what a launch makes: the image was there before, and stays.
  func make(at site: LaunchSite) async throws -> InstanceImage {
    switch choice {
    case .local(let id, let registry): try await make(id, in: registry, at: site)
    case .cloud(let image): try await make(image, at: site)
    }
  }

  private func make(_ image: CloudImage, at site: LaunchSite) async throws -> InstanceImage {
    let row = try Image(image, at: site.now())
    // One that was built here stays registered as it is.
    try await site.state.write { if try $0.images.find(row.id) == nil { try $0.images.register(row) } }
    return InstanceImage(
      id: image.id, disk: "", sha256: image.sha256, kernel: "", initramfs: nil, cloudID: image.cloudID)
  }

  private func make(_ id: ImageID, in registry: ImageRegistry, at site: LaunchSite) async throws -> InstanceImage {
    let manifest = try registry.manifest(of: id)
    let image = Image(
      id: id.description, path: registry.folder(of: id).string, recipe: manifest.recipe,
      sha256: manifest.disk.sha256, virtualSize: Int64(clamping: manifest.disk.virtualSize), createdAt: site.now())
    try await site.state.write { transaction in
      // The newest is what is launched where nothing else is said, so its date stays what it was.
      if try transaction.images.find(image.id)?.path != image.path { try transaction.images.register(image) }
    }
    return InstanceImage(
      id: image.id, disk: registry.disk(of: id), sha256: manifest.disk.sha256.hex,
      kernel: manifest.boot.kernel, initramfs: manifest.boot.initramfs)
  }

  func note(of product: InstanceImage) -> [String: String] { ["id": product.id] }
}

extension Image {
  /// One that lies in a cloud.
  ///
  /// - Throws: ``LaunchError/noImage(_:out:)`` for one without a digest.
  init(_ image: CloudImage, at date: Date) throws {
    guard let sha256 = Digest(hex: image.sha256) else {
      throw LaunchError.noImage(image.id, out: FilePath(image.place))
    }
    self.init(
      id: image.id, path: image.place, recipe: image.recipe, sha256: sha256, virtualSize: image.virtualSize,
      createdAt: date)
  }
}

/// Which image is to be booted, and where it is.
enum ImageChoice: Sendable {
  case local(ImageID, ImageRegistry)
  /// It lies in the cloud itself.
  case cloud(CloudImage)

  var id: String {
    switch self {
    case .local(let id, _): id.description
    case .cloud(let image): image.id
    }
  }

  /// The cloud's own where it has its own, else one of this machine.
  static func find(
    _ wanted: String?, out: FilePath, state: StateStore, cloud: any Cloud
  ) async throws -> ImageChoice {
    let current = ImageRegistry(out: out).currentText
    if let image = try await cloud.image(wanted, current: current) { return .cloud(image) }
    return try await find(wanted, out: out, state: state)
  }

  /// The one that was asked for, else the one that `vpn_image_id` names, else the registered one that is the newest.
  ///
  /// - Throws: ``LaunchError/noImage(_:out:)``.
  private static func find(_ wanted: String?, out: FilePath, state: StateStore) async throws -> ImageChoice {
    let registry = ImageRegistry(out: out)
    if let wanted {
      guard let id = ImageID(wanted) else { throw LaunchError.noImage(wanted, out: registry.images) }
      if registry.contains(id) { return .local(id, registry) }
      let known = try await state.read { try $0.images.find(wanted) }
      guard let known, let choice = registered(known) else { throw LaunchError.noImage(wanted, out: registry.images) }
      return choice
    }
    if let id = registry.current, registry.contains(id) { return .local(id, registry) }
    let all = try await state.read { try $0.images.all() }
    guard let choice = all.lazy.compactMap(registered).first else {
      throw LaunchError.noImage(nil, out: registry.images)
    }
    return choice
  }

  /// Nil when the image isn't where it was registered any more. Its folder is `<out>/images/<id>`.
  private static func registered(_ image: Image) -> ImageChoice? {
    let out = FilePath(image.path).removingLastComponent().removingLastComponent()
    let registry = ImageRegistry(out: out)
    guard let id = ImageID(image.id), registry.contains(id) else { return nil }
    return .local(id, registry)
  }
}
