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

  var detail: String? { choice.id.description }

  /// Registering is no part of what a launch makes: the image was there before, and stays.
  func make(at site: LaunchSite) async throws -> InstanceImage {
    let manifest = try choice.registry.manifest(of: choice.id)
    let image = Image(
      id: choice.id.description, path: choice.registry.folder(of: choice.id).string, recipe: manifest.recipe,
      sha256: manifest.disk.sha256, virtualSize: Int64(clamping: manifest.disk.virtualSize), createdAt: site.now())
    try await site.state.write { transaction in
      // The newest is what is launched where nothing else is said, so its date stays what it was.
      if try transaction.images.find(image.id)?.path != image.path { try transaction.images.register(image) }
    }
    return InstanceImage(
      id: image.id, disk: choice.registry.disk(of: choice.id), sha256: manifest.disk.sha256.hex,
      kernel: manifest.boot.kernel, initramfs: manifest.boot.initramfs)
  }

  func note(of product: InstanceImage) -> [String: String] { ["id": product.id] }
}

/// Which image is to be booted, and where it is.
struct ImageChoice: Sendable {
  let id: ImageID
  let registry: ImageRegistry

  /// The one that was asked for, else the one that `vpn_image_id` names, else the registered one that is the newest.
  ///
  /// - Throws: ``LaunchError/noImage(_:out:)``.
  static func find(_ wanted: String?, out: FilePath, state: StateStore) async throws -> ImageChoice {
    let registry = ImageRegistry(out: out)
    if let wanted {
      guard let id = ImageID(wanted) else { throw LaunchError.noImage(wanted, out: registry.images) }
      if registry.contains(id) { return ImageChoice(id: id, registry: registry) }
      let known = try await state.read { try $0.images.find(wanted) }
      guard let known, let choice = registered(known) else { throw LaunchError.noImage(wanted, out: registry.images) }
      return choice
    }
    if let id = registry.current, registry.contains(id) { return ImageChoice(id: id, registry: registry) }
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
    return ImageChoice(id: id, registry: registry)
  }
}
