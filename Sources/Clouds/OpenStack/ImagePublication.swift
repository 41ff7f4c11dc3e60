import Foundation
import Glibc
public import Host
public import OpenStack
public import SystemPackage

/// An image of this machine that is to lie in a cloud.
public struct PublishableImage: Sendable {
  /// `ami-` and 17 hex digits.
  public let id: String
  public let recipe: String
  public let disk: FilePath
  /// In bytes: of the file, and of the disk that an instance sees.
  public let size: UInt64
  public let virtualSize: UInt64
  /// Of the file, in lower-case hex.
  public let sha256: String
  /// In GiB and MiB.
  public let minimumDisk: Int
  public let minimumMemory: Int
  public let distribution: String
  public let version: String
  public let architecture: String

  public init(
    id: String, recipe: String, disk: FilePath, size: UInt64, virtualSize: UInt64, sha256: String, minimumDisk: Int,
    minimumMemory: Int, distribution: String, version: String, architecture: String
  ) {
    self.id = id
    self.recipe = recipe
    self.disk = disk
    self.size = size
    self.virtualSize = virtualSize
    self.sha256 = sha256
    self.minimumDisk = minimumDisk
    self.minimumMemory = minimumMemory
    self.distribution = distribution
    self.version = version
    self.architecture = architecture
  }
}

/// Images of cpbuild's in a cloud's Glance.
public struct ImagePublication: Sendable {
  let glance: Glance
  let report: @Sendable (ProgressEvent) -> Void

  public init(session: Session, report: @escaping @Sendable (ProgressEvent) -> Void = { _ in }) {
    glance = Glance(session: session)
    self.report = report
  }

  private static let stage = "upload"

  /// Brings an image to the cloud, unless it is there with the same content. What an upload that stopped in the middle
  /// left is removed first.
  ///
  /// - Returns: Glance's id, and whether it was there already.
  /// - Throws: `OpenStackError`, `HostError`, `CancellationError`; nothing half-made is left then.
  public func publish(_ image: PublishableImage) async throws -> (id: String, existed: Bool) {
    let lock = try await lock(image.disk)
    defer { withExtendedLifetime(lock) {} }
    let file = try PublishedFile(image.disk)
    var whole: String?
    for found in try await own(tagged: image.id) where found.cpbuildImage == image.id {
      if found.isWhole, try file.isContent(of: found) {
        whole = whole ?? found.id
      } else if !file.isBeingSentElsewhere(found) {
        try await glance.remove(found.id)
      }
    }
    if let whole { return (whole, true) }
    let begin = ContinuousClock.now
    report(.stageStarted(name: Self.stage, detail: image.id))
    let id = UUID().uuidString.lowercased()
    do {
      try await make(image, id: id, from: file)
      try await glance.upload(image.disk, size: image.size, to: id) { done in
        report(.stageProgress(name: Self.stage, done: done, total: image.size, unit: .bytes))
      }
      try await check(id, is: file, image: image)
    } catch {
      // Also when this task was cancelled.
      await Task { try? await glance.remove(id) }.value
      throw error
    }
    report(.stageFinished(name: Self.stage, seconds: (ContinuousClock.now - begin) / .seconds(1), cached: false))
    return (id, false)
  }

  /// Of two who publish the same file one waits, and finds it there; on a filesystem that has no such locks, as NFS for
  /// files that may only be read, neither does.
  private func lock(_ disk: FilePath) async throws -> FileLock? {
    do {
      return try await FileLock.wait(for: disk, making: false) { report(.waiting(for: "another upload of \(disk)")) }
    } catch HostError.file(_, _, let code) where [EBADF, ENOLCK, EOPNOTSUPP].contains(code) {
      return nil
    }
  }

  private func make(_ image: PublishableImage, id: String, from file: PublishedFile) async throws {
    let request = ImageRequest(
      id: id, name: image.id, minDisk: image.minimumDisk, minRam: image.minimumMemory,
      tags: [OpenStackMark.tag, image.id],
      properties: [
        "architecture": image.architecture == "amd64" ? "x86_64" : image.architecture, "os_type": "linux",
        "os_distro": image.distribution, "os_version": image.version, "hw_disk_bus": "virtio",
        "hw_vif_model": "virtio", "hw_rng_model": "virtio", "cpbuild_image": image.id, "cpbuild_recipe": image.recipe,
        "cpbuild_sha256": image.sha256, "cpbuild_virtual_size": "\(image.virtualSize)",
        "cpbuild_publisher": file.identity,
      ])
    // Its id is chosen here, so one that was made without our hearing of it is found.
    _ = try await glance.session.converge {
      try await glance.image(id)
    } make: {
      try await glance.make(request)
    }
  }

  private func check(_ id: String, is file: PublishedFile, image: PublishableImage) async throws {
    guard let made = try await glance.image(id), made.isWhole else {
      throw OpenStackError.badAnswer(doing: "upload the image \(image.id)", why: "it isn't active afterwards")
    }
    guard made.size == image.size, try file.isContent(of: made) else {
      throw OpenStackError.badAnswer(
        doing: "upload the image \(image.id)", why: "what arrived isn't what was sent: its sums differ")
    }
  }

  /// The images that are there, whole or not: the project's, and those that are for everybody.
  public func list() async throws -> [ImageRecord] {
    try await glance.trustedImages(tagged: OpenStackMark.tag).filter { $0.cpbuildImage != nil }
  }

  /// The project's.
  private func own(tagged tag: String) async throws -> [ImageRecord] {
    let project = try await glance.session.standing.project
    return try await glance.images(tagged: tag).filter { $0.owner == project }
  }

  /// Removes an image from the cloud, by cpbuild's id or Glance's.
  ///
  /// - Returns: Glance's ids of what was removed.
  /// - Throws: `OpenStackError.unknown` when it isn't there or isn't cpbuild's.
  public func retire(_ id: String) async throws -> [String] {
    let all = try await own(tagged: OpenStackMark.tag).filter { $0.cpbuildImage != nil }
    let chosen = all.filter { $0.id == id || $0.cpbuildImage == id }
    guard !chosen.isEmpty else {
      throw OpenStackError.unknown(what: "image \(id)", known: all.compactMap(\.cpbuildImage).sorted())
    }
    for image in chosen { try await glance.remove(image.id) }
    return chosen.map(\.id)
  }
}
