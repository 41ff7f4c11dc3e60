import Disks
import Foundation
import Glibc
import Host
public import SystemPackage

/// Holds a published image against its checksums, its manifest and its recipe's checks.
public struct ImageVerifier: Sendable {
  let registry: ImageRegistry
  /// For the unpacked disk, while it is looked at.
  let cache: FilePath

  public init(registry: ImageRegistry, cache: FilePath) {
    self.registry = registry
    self.cache = cache
  }

  /// Every drift; empty for an image that is what it was when it was published.
  ///
  /// A disk that fails its checksum is opened all the same, after its header was checked, so that one sees what changed. What
  /// can't be opened is a drift too.
  ///
  /// - Throws: ``ImageError/noSuchImage(_:folder:)``, ``ImageError/newerManifest(path:version:)``, ``HostError`` where
  ///   there is no room to look at it; `CancellationError`.
  public func verify(_ id: ImageID) async throws -> [Drift] {
    var drift = try registry.checksumDrift(id)
    let manifest: Manifest
    do { manifest = try registry.manifest(of: id) } catch ImageError.badManifest(_, let reason) {
      return drift + [Self.file(ImageRegistry.manifest, "the image's manifest", reason)]
    }
    if manifest.id != id { drift.append(Self.file(ImageRegistry.manifest, "\(id)'s", "\(manifest.id)'s")) }
    // That no disk is there is among the checksums.
    guard access(registry.disk(of: id).string, F_OK) == 0 else { return drift }
    do { return drift + (try await content(of: id, manifest)) } catch let unreadable as Unreadable {
      return drift + [Self.file(ImageRegistry.disk, "a qcow2 that can be opened", unreadable.why)]
    }
  }

  private static func file(_ subject: String, _ expected: String, _ found: String) -> Drift {
    Drift(kind: .file, subject: subject, expected: expected, found: found)
  }

  private struct Unreadable: Error { let why: String }

  private func content(of id: ImageID, _ manifest: Manifest) async throws -> [Drift] {
    let disk = registry.disk(of: id)
    do {
      let header = try DiskImageHeader.read(try ImageFile(disk), limit: 64 << 30)
      guard header.format == .qcow2 else { throw Unreadable(why: "no qcow2") }
    } catch let refusal as ImageRefusal {
      throw Unreadable(why: "\(refusal.reason)")
    }
    try Folder.make(cache, mode: 0o700)
    let work = try WorkFolder(below: cache.appending("work"))
    defer { try? work.remove() }
    let raw = work.path.appending("disk.raw")
    let listing: TreeReader.Result
    do {
      try await Command("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", disk.string, raw.string]).run()
      let volume = try Ext4Volume.find(uuid: manifest.boot.root, on: try DiskBytes(raw))
      listing = try TreeReader(volume: volume, epoch: manifest.epoch, wanted: { $0 == DpkgStatus.path }).read()
    } catch let error as Ext4Error {
      throw Unreadable(why: "\(error)".replacing(raw.string, with: "its content"))
    } catch HostError.commandFailed(_, _, let output) where !output.contains("No space left") {
      throw Unreadable(why: output.replacing(raw.string, with: "its content"))
    }
    let status = listing.contents[DpkgStatus.path].flatMap { try? DpkgStatus([UInt8]($0)) }
    return DriftFinder.between(manifest, listing.tree, status: status)
  }
}
