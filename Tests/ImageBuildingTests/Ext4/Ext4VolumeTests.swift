import Disks
import Foundation
import Glibc
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

/// The reader of ext4, held against what the kernel says of the same files.
@Suite struct Ext4VolumeTests {
  private static let uuid = "11111111-2222-4333-8444-555555555555"

  /// Makes a disk with one partition at 1 MiB that holds a copy of `root`.
  private func disk(of root: FilePath, in folder: FilePath, blockSize: Int, size: Int) async throws -> FilePath {
    let path = folder.appending("disk.raw")
    try await Command("truncate", ["--size=\(size + 2)M", path.string]).run()
    try await Command(
      "sh", ["-c", "echo 'start=2048' | sfdisk --quiet \"$1\"", "sh", path.string]
    ).run()
    try await Command(
      "mke2fs",
      [
        "-q", "-F", "-t", "ext4", "-b", "\(blockSize)", "-U", Self.uuid, "-E", "offset=\(1 << 20)", "-d", root.string,
        path.string, "\(size)M",
      ]
    ).run()
    return path
  }

  private func read(_ disk: FilePath) throws -> TreeReader.Result {
    let volume = try Ext4Volume.find(uuid: Self.uuid, on: try DiskBytes(disk))
    return try TreeReader(volume: volume, epoch: .max).read()
  }

  /// Everything below `folder` as lstat(2), readlink(2) and sha256 have it; a line each.
  private func native(_ folder: FilePath) throws -> Set<String> {
    var lines: Set<String> = []
    func walk(_ path: FilePath, _ name: String) throws {
      var status = stat()
      #expect(lstat(path.string, &status) == 0)
      let kind = status.st_mode & S_IFMT
      var line =
        "\(name.isEmpty ? "/" : name) \(String(status.st_mode & 0o7777, radix: 8)) \(status.st_uid):\(status.st_gid)"
      if kind == S_IFREG { line += " \(try Digest.ofFile(path))" }
      if kind == S_IFLNK { line += " -> \(try FileManager.default.destinationOfSymbolicLink(atPath: path.string))" }
      if !name.isEmpty { lines.insert(line) }
      if kind == S_IFDIR {
        for child in try Folder.names(in: path) { try walk(path.appending(child), "\(name)/\(child)") }
      }
    }
    try walk(folder, "")
    return lines
  }

  private func lines(_ tree: Tree) -> Set<String> {
    Set(
      tree.entries.filter { $0.path != "/" }.map { entry in
        let content = entry.digest.map { " \($0)" } ?? ""
        let link = entry.target.map { " -> \($0)" } ?? ""
        return "\(entry.path) \(entry.mode) \(entry.owner):\(entry.group)\(content)\(link)"
      })
  }

  @Test("every file is read as the kernel reads it", arguments: [1024, 4096])
  func content(blockSize: Int) async throws {
    try await withTemporaryFolder { folder in
      let root = folder.appending("root")
      try Folder.make(root.appending("many"))
      func write(_ name: String, _ data: Data, mode: mode_t = 0o644) throws {
        try data.write(to: URL(filePath: root.appending(name).string))
        chmod(root.appending(name).string, mode)
      }
      for number in 0..<5000 { try write("many/file-with-a-name-\(number)", Data()) }
      try write("large", Data((0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }), mode: 0o4755)
      try write("empty", Data(), mode: 0o000)
      link(root.appending("large").string, root.appending("another").string)
      symlink("short", root.appending("short-link").string)
      symlink(String(repeating: "long/", count: 100), root.appending("long-link").string)
      // A hole of 8 MiB between two bytes.
      let sparse = open(root.appending("sparse").string, O_WRONLY | O_CREAT, 0o600)
      pwrite(sparse, "a", 1, 0)
      pwrite(sparse, "z", 1, 8 << 20)
      close(sparse)
      if geteuid() == 0 {
        chown(root.appending("empty").string, 70_000, 80_000)
        mkfifo(root.appending("pipe").string, 0o600)
      }

      let result = try read(try await disk(of: root, in: folder, blockSize: blockSize, size: 48))
      let expected = try native(root)
      let found = lines(result.tree)
      #expect(found == expected, "\(found.symmetricDifference(expected).sorted().prefix(10))")
      let linked = result.tree.entries.first { $0.path == "/large" }
      #expect(linked?.sameAs == "/another")
    }
  }

  @Test("attributes and device nodes are read", .enabled(if: geteuid() == 0, "only root makes device nodes"))
  func special() async throws {
    try await withTemporaryFolder { folder in
      let root = folder.appending("root")
      try Folder.make(root)
      let file = root.appending("file").string
      try Data("x".utf8).write(to: URL(filePath: file))
      let long = String(repeating: "v", count: 500)
      // A filesystem for temporary files may not have them at all; setting them in the disk needs none there.
      mknod(root.appending("null").string, S_IFCHR | 0o666, 1 << 8 | 3)
      let path = try await disk(of: root, in: folder, blockSize: 4096, size: 16)
      let script = folder.appending("script")
      try Data("ea_set /file user.short abc\nea_set /file user.long \(long)\n".utf8).write(
        to: URL(filePath: script.string))
      try await Command("debugfs", ["-w", "-f", script.string, "\(path)?offset=\(1 << 20)"]).run()

      let entries = try read(path).tree.entries
      let attributes = entries.first { $0.path == "/file" }?.attributes
      #expect(attributes == ["user.short": .sha256("abc"), "user.long": .sha256(long)])
      #expect(entries.first { $0.path == "/null" }?.device == "1,3")
    }
  }

  @Test("no damage makes the reader trap: 500 disks with random bytes changed", .timeLimit(.minutes(2)))
  func damage() async throws {
    try await withTemporaryFolder { folder in
      let root = folder.appending("root")
      try Folder.make(root.appending("a/b"))
      for number in 0..<40 {
        try Data("\(number)".utf8).write(to: URL(filePath: root.appending("a/file-\(number)").string))
      }
      symlink(String(repeating: "x", count: 90), root.appending("a/link").string)
      let path = try await disk(of: root, in: folder, blockSize: 1024, size: 2)
      let bytes = try Data(contentsOf: URL(filePath: path.string))
      // Where something is: a change of a free block can't be seen.
      let used = bytes.indices.filter { bytes[$0] != 0 }
      let target = folder.appending("damaged.raw")
      try bytes.write(to: URL(filePath: target.string))
      let descriptor = open(target.string, O_RDWR)
      defer { close(descriptor) }
      var generator = Generator(state: 20_260_101)
      var refused = 0
      for _ in 0..<500 {
        let places = (0..<Int.random(in: 1...8, using: &generator)).compactMap { _ in
          used.randomElement(using: &generator)
        }
        for place in places {
          var byte = UInt8.random(in: .min ... .max, using: &generator)
          pwrite(descriptor, &byte, 1, place)
        }
        do { _ = try read(target) } catch is Ext4Error { refused += 1 }
        for place in places {
          var byte = bytes[place]
          pwrite(descriptor, &byte, 1, place)
        }
      }
      #expect(refused > 0, "some damage has to be noticed")
    }
  }

  @Test("a folder that ends in the middle of an entry is refused")
  func cutFolder() async throws {
    try await withTemporaryFolder { folder in
      let root = folder.appending("root")
      try Folder.make(root.appending("d"))
      try Data().write(to: URL(filePath: root.appending("d/\(String(repeating: "n", count: 200))").string))
      let path = try await disk(of: root, in: folder, blockSize: 1024, size: 2)
      try await Command("debugfs", ["-w", "-R", "set_inode_field /d size 100", "\(path)?offset=\(1 << 20)"]).run()
      #expect(throws: Ext4Error.self) { try read(path) }
    }
  }

  @Test("group descriptors of a size that ext4 doesn't have are refused", arguments: [0, 8, 48, 63, 2048, 0xFFFF])
  func descriptorSize(_ size: UInt16) async throws {
    try await withTemporaryFolder { folder in
      let root = folder.appending("root")
      try Folder.make(root)
      let path = try await disk(of: root, in: folder, blockSize: 4096, size: 16)
      // s_desc_size, behind the partition table's first MiB and the boot block.
      let place = (1 << 20) + 1024 + 0xFE
      try patch(path) { bytes in
        #expect(bytes[place] == 64, "mke2fs makes 64-bit filesystems")
        bytes[place] = UInt8(truncatingIfNeeded: size)
        bytes[place + 1] = UInt8(truncatingIfNeeded: size >> 8)
      }
      #expect(throws: Ext4Error.damaged(disk: path, reason: "its groups' descriptors are of an impossible size")) {
        try read(path)
      }
    }
  }

  @Test("a tree whose nodes stand in many places is refused before it fills the memory")
  func repeatedNodes() async throws {
    try await withTemporaryFolder { folder in
      let root = folder.appending("root")
      try Folder.make(root)
      // Three blocks that are found again on the disk: two nodes full of the same child, and a leaf.
      let marks = (1...3).map { Data(repeating: UInt8($0) | 0xA0, count: 4096) }
      try Data(marks.joined()).write(to: URL(filePath: root.appending("file").string))
      let path = try await disk(of: root, in: folder, blockSize: 4096, size: 16)
      try patch(path) { bytes in
        let place = try #require(bytes.range(of: Data(marks.joined()))).lowerBound
        let block = (place - (1 << 20)) / 4096
        for (index, depth) in [UInt8(2), 1, 0].enumerated() {
          let entry = depth == 0 ? Self.words(0, 1, UInt32(block)) : Self.words(0, UInt32(block + index + 1), 0)
          let node = Self.head(entries: 340, depth: depth) + Data((0..<340).flatMap { _ in entry })
          bytes.replaceSubrange(place + index * 4096..<place + index * 4096 + node.count, with: node)
        }
        // The file's own inode: a leaf with one extent of three blocks, from now on a node with one child.
        let leaf = Self.head(entries: 1, depth: 0) + Self.words(0, 3, UInt32(block))
        let inode = try #require(bytes.range(of: leaf))
        bytes.replaceSubrange(inode, with: Self.head(entries: 1, depth: 3) + Self.words(0, UInt32(block), 0))
      }
      #expect(throws: Ext4Error.damaged(disk: path, reason: "a file is in too many pieces")) { try read(path) }
    }
  }

  private func patch(_ path: FilePath, _ change: (inout Data) throws -> Void) throws {
    var bytes = try Data(contentsOf: URL(filePath: path.string))
    try change(&bytes)
    try bytes.write(to: URL(filePath: path.string))
  }

  /// The head of a node of an extent tree.
  private static func head(entries: UInt16, depth: UInt8) -> Data {
    Data([0x0A, 0xF3, UInt8(truncatingIfNeeded: entries), UInt8(entries >> 8), 4, 0, depth, 0, 0, 0, 0, 0])
  }

  private static func words(_ words: UInt32...) -> Data {
    Data(words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
  }

  /// The same sequence in each run (Knuth's MMIX).
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }
}
