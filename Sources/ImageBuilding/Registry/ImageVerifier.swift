import Disks
import Foundation
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
  /// A disk that fails its checksum is opened all the same, after its header was checked, so that one sees what changed.
  ///
  /// - Throws: ``ImageError``, ``BaseError``, ``Ext4Error``, ``HostError``; `CancellationError`.
  public func verify(_ id: ImageID) async throws -> [Drift] {
    let manifest = try registry.manifest(of: id)
    let sums = try registry.checksumDrift(id)
    let disk = registry.disk(of: id)
    let header: DiskImageHeader
    do {
      header = try DiskImageHeader.read(try ImageFile(disk), limit: 64 << 30)
      guard header.format == .qcow2 else { throw ImageRefusal.noPartitionTable }
    } catch let refusal as ImageRefusal {
      throw BaseError.refused(image: disk.string, refusal)
    }
    try Folder.make(cache, mode: 0o700)
    let work = try WorkFolder(below: cache.appending("work"))
    defer { try? work.remove() }
    let raw = work.path.appending("disk.raw")
    try await Command("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", disk.string, raw.string]).run()
    let volume = try Ext4Volume.find(uuid: manifest.boot.root, on: try DiskBytes(raw))
    let listing = try TreeReader(volume: volume, epoch: manifest.epoch, wanted: { $0 == DpkgStatus.path }).read()
    let status = listing.contents[DpkgStatus.path].flatMap { try? DpkgStatus([UInt8]($0)) }
    return sums + DriftFinder.between(manifest, listing.tree, status: status)
  }
}
