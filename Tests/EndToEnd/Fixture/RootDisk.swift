import Foundation
import Host
import SystemPackage
import Testing

/// The root filesystem of an image that cpbuild laid out, as a raw disk that debugfs can edit.
struct RootDisk: Sendable {
  let path: FilePath
  /// Where the root begins: DiskLayout puts it at 9 MiB.
  static let offset = 9 << 20

  static func unpack(_ image: BuiltImage, in folder: FilePath) async throws -> RootDisk {
    let raw = folder.appending("unpacked.raw")
    try await Command("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", image.disk.string, raw.string]).run()
    return RootDisk(path: raw)
  }

  private var filesystem: String { "\(path)?offset=\(Self.offset)" }

  /// Runs debugfs(8)'s commands, which change the filesystem.
  func edit(_ commands: [String]) async throws {
    let script = FilePath(path.string + ".debugfs")
    try Data(commands.map { "\($0)\n" }.joined().utf8).write(to: URL(filePath: script.string))
    try await Command("debugfs", ["-w", "-f", script.string, filesystem]).run()
  }

  /// What a file holds.
  func text(_ file: String) async throws -> String {
    try await Command("debugfs", ["-R", "cat \(file)", filesystem]).run()
  }

  /// Copies everything to `folder`; owners too, as root.
  func copyOut(to folder: FilePath) async throws {
    try Folder.make(folder)
    try await Command("debugfs", ["-R", "rdump / \(folder)", filesystem]).run()
  }

  func pack(into disk: FilePath) async throws {
    try await Command("qemu-img", ["convert", "-c", "-f", "raw", "-O", "qcow2", path.string, disk.string]).run()
  }
}
