import Disks
import Foundation
import Glibc
import Host
import State
import SystemPackage

/// The images that instances were booted from, each unpacked once: `<home>/images/<id>/` with the disk, which is the
/// same for all of them and never written, and the kernel.
struct LocalInstanceImages: Sendable {
  let home: Home

  /// An image that is ready to be booted.
  struct Prepared: Hashable, Codable, Sendable {
    /// Of the published disk.
    let sha256: String
    /// Where the published disk was.
    let source: String
    /// Of the disk that an instance sees, in bytes.
    let size: UInt64
    let boot: LocalInstanceBoot
    /// Whether it has the program that brings up the VPN before the ordinary init.
    let hasEarlyInit: Bool
    /// How it is booted to be saved; nil where it can't be.
    let resumable: LocalInstanceBoot?
  }

  private static let record = "prepared.json"
  private static let earlyInit = "/usr/sbin/cloudpipe-init"
  /// Waits to be told which instance its machine is; until then that may be saved.
  private static let identity = "/usr/local/lib/cloudpipe/identity"
  /// With which it is told, in a kernel's folder of modules.
  private static let channel = "kernel/drivers/firmware/qemu_fw_cfg.ko"
  /// A kernel, or an initramfs, is far smaller, in bytes.
  private static let largestKernel = 512 << 20

  var folder: FilePath { home.path.appending("images") }
  func folder(of image: InstanceImage) -> FilePath { folder.appending(image.id) }
  func disk(of image: InstanceImage) -> FilePath { folder(of: image).appending("disk.raw") }
  func kernel(of image: InstanceImage) -> FilePath { folder(of: image).appending("kernel") }
  func initramfs(of image: InstanceImage) -> FilePath { folder(of: image).appending("initramfs") }

  /// Unpacks the image, unless it is there already, and forgets those whose published disk is gone.
  ///
  /// - Throws: ``LocalInstanceError``, ``HostError``, `Ext4Error`; `CancellationError`.
  func prepare(_ image: InstanceImage) async throws -> Prepared {
    if let prepared = recorded(image.id), prepared.sha256 == image.sha256 { return prepared }
    try Folder.make(folder, mode: 0o700)
    let lock = try await FileLock.wait(for: folder.appending("lock"))
    defer { _ = lock }
    if let prepared = recorded(image.id), prepared.sha256 == image.sha256 { return prepared }
    try sweep()
    let aside = folder.appending(".\(image.id).tmp")
    try Folder.make(aside, mode: 0o700)
    do {
      let prepared = try await unpack(image, into: aside)
      try AtomicFile.write(try JSONEncoder().encode(prepared), to: aside.appending(Self.record), mode: 0o600)
      try Folder.remove(folder(of: image))
      try AtomicFile.publish(aside, as: folder(of: image))
      return prepared
    } catch {
      try? Folder.remove(aside)
      throw error
    }
  }

  private func recorded(_ id: String) -> Prepared? {
    let path = folder.appending(id).appending(Self.record)
    guard let bytes = try? Data(contentsOf: URL(filePath: path.string)) else { return nil }
    return try? JSONDecoder().decode(Prepared.self, from: bytes)
  }

  /// What was left half done, and what no image is published for any more: a QEMU that runs it has its files open.
  private func sweep() throws {
    for name in try Folder.names(in: folder) where !name.hasSuffix("lock") {
      if let prepared = recorded(name), access(prepared.source, F_OK) == 0 { continue }
      try Folder.remove(folder.appending(name))
    }
  }

  private func unpack(_ image: InstanceImage, into aside: FilePath) async throws -> Prepared {
    guard try Digest.ofFile(image.disk).hex == image.sha256.lowercased() else {
      throw LocalInstanceError.imageChanged(image: image.id, disk: image.disk)
    }
    let raw = aside.appending("disk.raw")
    // A disk that names another file as its backing would have that read instead of what it holds.
    let source: [String: Any] = [
      "driver": "qcow2", "backing": NSNull(), "file": ["driver": "file", "filename": image.disk.string],
    ]
    let options = String(decoding: try JSONSerialization.data(withJSONObject: source), as: UTF8.self)
    try await Command("qemu-img", ["convert", "-O", "raw", "json:" + options, raw.string]).run()
    guard chmod(raw.string, 0o600) == 0 else { throw HostError.file(doing: "protect", path: raw, errno: errno) }
    let bytes = try DiskBytes(raw)
    let found = try takeOut(image, of: bytes, into: aside)
    return Prepared(
      sha256: image.sha256, source: image.disk.string, size: bytes.size, boot: found.boot,
      hasEarlyInit: found.hasEarlyInit, resumable: found.resumable)
  }

  /// Writes kernel and initramfs beside the disk, as far as they are needed.
  private func takeOut(
    _ image: InstanceImage, of disk: DiskBytes, into aside: FilePath
  ) throws -> (boot: LocalInstanceBoot, hasEarlyInit: Bool, resumable: LocalInstanceBoot?) {
    for partition in try Partitions.all(on: disk) where partition.start < disk.size {
      guard let volume = try? Ext4Volume(disk, at: partition.start), let kernel = try volume.find(image.kernel),
        try volume.find("/etc/os-release") != nil
      else { continue }
      let version = (image.kernel.split(separator: "/").last ?? "").drop { $0 != "-" }.dropFirst()
      let modules = "/lib/modules/\(version)"
      let builtIn = try volume.file("\(modules)/modules.builtin", limit: 4 << 20)
      let initramfs = try image.initramfs.flatMap { try volume.find($0) }
      let boot = LocalInstanceBoot(
        partition: partition.number, root: volume.uuid, builtIn: builtIn.map { String(decoding: $0, as: UTF8.self) },
        hasInitramfs: initramfs != nil)
      try write(kernel, of: volume, to: aside.appending("kernel"))
      if let initramfs { try write(initramfs, of: volume, to: aside.appending("initramfs")) }
      let hasEarlyInit = try volume.find(Self.earlyInit) != nil
      // QEMU saves no NVMe disk; the driver of the others is in the initramfs.
      let isResumable =
        try hasEarlyInit && initramfs != nil && volume.find(Self.identity) != nil
        && ["", ".xz", ".zst"].contains { try volume.find("\(modules)/\(Self.channel)\($0)") != nil }
      return (boot, hasEarlyInit, isResumable ? .initramfs(root: volume.uuid) : nil)
    }
    return (.bootloader, false, nil)
  }

  /// Mode 0644 in a folder for root alone: QEMU opens it anew through a descriptor, without any right of its own.
  private func write(_ inode: Ext4Inode, of volume: Ext4Volume, to path: FilePath) throws {
    let content = try volume.contents(inode, limit: Self.largestKernel)
    try AtomicFile.write(content, to: path, mode: 0o644)
  }
}
