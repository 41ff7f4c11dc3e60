import Foundation
import Host
import SystemPackage
import Testing

/// Raw disks that tests make without starting a machine: partitions by sfdisk(8), filesystems by mke2fs(8).
struct TestDisk: Sendable {
  let path: FilePath

  /// One partition: its number where it isn't the next, sfdisk's type, and where it begins and how long it is, in MiB.
  struct Partition: Sendable {
    var number: Int?
    var type = "L"
    var start: Int
    var size: Int
  }

  /// - Parameters:
  ///   - label: `dos` or `gpt`.
  ///   - size: in MiB.
  static func make(_ path: FilePath, label: String = "dos", size: Int, _ partitions: [Partition]) async throws
    -> TestDisk
  {
    try await Command("truncate", ["--size=\(size)M", path.string]).run()
    let script = FilePath(path.string + ".sfdisk")
    let lines = partitions.map { partition in
      (partition.number.map { "\($0): " } ?? "")
        + "start=\(partition.start)MiB, size=\(partition.size)MiB, type=\(partition.type)\n"
    }
    try Data("label: \(label)\n\(lines.joined())".utf8).write(to: URL(filePath: script.string))
    // sfdisk reads its script from stdin alone.
    try await Command("sh", ["-c", "exec sfdisk --quiet \"$1\" < \"$2\"", "sh", path.string, script.string]).run()
    return TestDisk(path: path)
  }

  /// Makes an ext4 filesystem with the content of `folder` at a place, all in MiB.
  func fill(
    at start: Int, size: Int, from folder: FilePath?, uuid: String? = nil, label: String? = nil
  ) async throws {
    let content = folder.map { ["-d", $0.string] } ?? []
    let identity = (uuid.map { ["-U", $0] } ?? []) + (label.map { ["-L", $0] } ?? [])
    try await Command(
      "mke2fs",
      ["-q", "-F", "-t", "ext4", "-E", "offset=\(start << 20)"] + content + identity + [path.string, "\(size)M"]
    ).run()
  }

  /// Lays a file's bytes in at `start` MiB.
  func lay(_ file: FilePath, at start: Int) async throws {
    try await Command(
      "dd", ["if=\(file)", "of=\(path)", "bs=1M", "seek=\(start)", "conv=notrunc,sparse", "status=none"]
    ).run()
  }
}

/// guestfish(1) with emulation, since a machine's KVM may be there and not work.
enum Guestfish {
  static func run(_ script: String, drives: [FilePath]) async throws {
    let arguments = drives.flatMap { ["--format=raw", "--add", $0.string] }
    try await Command(
      "guestfish",
      arguments + ["run", ":"]
        + script.split(separator: "\n").flatMap { line in
          line.split(separator: " ").map(String.init) + [":"]
        }.dropLast(),
      environment: ["LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"]
    ).run()
  }
}
