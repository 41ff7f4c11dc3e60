import Foundation
import Host
import OpenStack
import State

extension ImageRecord {
  var isWhole: Bool { status == "active" }

  /// Whether an instance may be booted from it that wasn't named by Glance's id: one that gets its project's keys. An
  /// administrator is shown the images of all projects, and anybody may tag an image.
  func isTrusted(by project: String) -> Bool { owner == project || visibility == "public" }
}

extension Glance {
  /// The images with the tag that are the project's, or are for everybody; whole or not.
  func trustedImages(tagged tag: String) async throws -> [ImageRecord] {
    let project = try await session.standing.project
    return try await images(tagged: tag).filter { $0.isTrusted(by: project) }
  }
}

extension OpenStackCloud {
  public func flavor(named name: String?) async throws -> Flavor? {
    let wanted = name ?? settings.flavor ?? Flavor.tiny.name
    let all = try await nova.flavors()
    guard let found = all.first(where: { $0.name == wanted || $0.id == wanted }) else {
      throw OpenStackError.unknown(what: "flavor \(wanted)", known: all.map(\.name).sorted())
    }
    return Flavor(name: found.name, processors: found.vcpus, memory: found.ram, disk: found.disk)
  }

  /// The image that is asked for, else the one that the settings name, else the one that was built last, else the one
  /// that was published last.
  public func image(_ wanted: String?, current: String?) async throws -> CloudImage? {
    guard let wanted = wanted ?? settings.image ?? current else {
      guard let newest = try await publishedImages().max(by: { ($0.createdAt ?? "") < ($1.createdAt ?? "") }) else {
        throw OpenStackError.unknown(what: "image of cpbuild's ('cpbuild image publish' brings one there)", known: [])
      }
      return try await cloudImage(newest)
    }
    guard let found = try await glanceImage(wanted) else {
      throw OpenStackError.unknown(
        what: "image \(wanted) ('cpbuild image publish' brings it there)", known: try await publishedIDs())
    }
    return try await cloudImage(found)
  }

  func publishedIDs() async throws -> [String] { try await publishedImages().compactMap(\.cpbuildImage).sorted() }

  func cloudImage(_ record: ImageRecord) async throws -> CloudImage? {
    guard let id = record.cpbuildImage, let sha256 = record.cpbuildSha256 else { return nil }
    let virtualSize = record.cpbuildVirtualSize.flatMap { Int64($0) } ?? record.virtualSize.map { Int64(clamping: $0) }
    return CloudImage(
      id: id, recipe: record.cpbuildRecipe ?? "", sha256: sha256, virtualSize: max(virtualSize ?? 0, 1),
      place: "\(name):\(record.id)",
      cloudID: record.isTrusted(by: try await session.standing.project) ? nil : record.id)
  }

  /// Whole images of cpbuild's.
  private func publishedImages() async throws -> [ImageRecord] {
    try await glance.trustedImages(tagged: OpenStackMark.tag).filter { $0.isWhole && $0.cpbuildImage != nil }
  }

  /// By cpbuild's id or Glance's.
  func glanceImage(_ id: String) async throws -> ImageRecord? {
    if UUID(uuidString: id) != nil { return try await glance.image(id) }
    return try await glance.trustedImages(tagged: id).first { $0.isWhole && $0.cpbuildImage == id }
  }
}
