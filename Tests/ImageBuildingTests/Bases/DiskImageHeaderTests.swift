import Foundation
import Glibc
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

@Suite("a disk image's header")
struct DiskImageHeaderTests {
  private func header(_ path: FilePath) throws -> DiskImageHeader { try DiskImageHeader.read(try ImageFile(path)) }

  private func qemuImage(_ arguments: [String]) async throws {
    try await Command("qemu-img", ["create", "-q"] + arguments).run()
  }

  private func refusal(_ path: FilePath) -> ImageRefusal? {
    do {
      _ = try header(path)
      return nil
    } catch let refusal as ImageRefusal {
      return refusal
    } catch {
      Issue.record(error)
      return nil
    }
  }

  @Test(
    "of an ordinary qcow2 is accepted, whatever its version, clusters and compression",
    arguments: [
      "compat=v2", "compat=v3", "compat=v3,cluster_size=512", "compat=v3,cluster_size=2M",
      "compat=v3,compression_type=zlib", "compat=v3,compression_type=zstd", "compat=v3,extended_l2=on",
      "compat=v3,lazy_refcounts=on", "preallocation=metadata", "refcount_bits=64",
    ])
  func accepted(options: String) async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await qemuImage(["-f", "qcow2", "-o", options, path.string, "100M"])
      let found = try header(path)
      #expect(found == DiskImageHeader(format: .qcow2, virtualSize: 100 << 20))
      try await QEMUImageCheck.run(path, header: found)
    }
  }

  @Test("of an image with internal snapshots or bitmaps is accepted")
  func snapshots() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await qemuImage(["-f", "qcow2", path.string, "10M"])
      try await Command("qemu-img", ["snapshot", "-c", "one", path.string]).run()
      try await Command("qemu-img", ["bitmap", "--add", path.string, "b0"]).run()
      #expect(try header(path).format == .qcow2)
    }
  }

  @Test(
    "that names a backing file is refused, with or without its format",
    arguments: [["-F", "raw"], ["-u", "-F", "qcow2"]])
  func backingFile(options: [String]) async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await qemuImage(["-f", "qcow2", "-b", "/etc/shadow"] + options + [path.string, "10M"])
      #expect(refusal(path) == .backingFile)
    }
  }

  @Test("that names an external data file is refused, whether its name or its bit says so")
  func dataFile() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await qemuImage(["-f", "qcow2", "-o", "data_file=\(folder)/other,data_file_raw=on", path.string, "10M"])
      #expect(refusal(path) == .externalDataFile)
      // The bit cleared, the extension with the name still there.
      try patch(path, at: 72, [0, 0, 0, 0, 0, 0, 0, 0])
      #expect(refusal(path) == .externalDataFile)
    }
  }

  @Test("of an encrypted image is refused")
  func encrypted() async throws {
    try await withTemporaryFolder { folder in
      // QEMU measures how fast the hash is, and gives up where SHA-256 is too fast for its clock.
      let path = folder.appending("disk.qcow2")
      try await qemuImage([
        "-f", "qcow2", "--object", "secret,id=s,data=abc", "-o",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10,encrypt.hash-alg=sha512",
        path.string, "10M",
      ])
      #expect(refusal(path) == .encrypted)
      let bare = folder.appending("disk.luks")
      try await qemuImage([
        "-f", "luks", "--object", "secret,id=s,data=abc", "-o", "key-secret=s,iter-time=10,hash-alg=sha512",
        bare.string, "10M",
      ])
      guard case .foreign(let format) = refusal(bare) else {
        Issue.record("a LUKS volume was accepted")
        return
      }
      #expect(format.name.contains("LUKS"))
    }
  }

  @Test(
    "with a field changed is refused for what it is",
    arguments: [
      (72, [0, 0, 0, 0, 0, 0, 0, 1], ImageRefusal.inUse),
      (72, [0, 0, 0, 0, 0, 0, 0, 2], .markedCorrupt),
      (72, [0x80, 0, 0, 0, 0, 0, 0, 0], .unknownFeature("incompatible feature bits 0x8000000000000000")),
      (4, [0, 0, 0, 1], .unknownFeature("version 1 of the format")),
      (4, [0, 0, 0, 4], .unknownFeature("version 4 of the format")),
      (20, [0, 0, 0, 63], .damaged("clusters of 2^63 bytes")),
      (24, [0, 0, 1, 0, 0, 0, 0, 0], .tooLarge(size: 1 << 40, limit: 64 << 30)),
      (24, [0, 0, 0, 0, 0, 0, 0, 0], .damaged("a disk of 0 bytes")),
      (36, [0xFF, 0xFF, 0xFF, 0xFF], .damaged("an L1 table of 4294967295 entries for a disk of 104857600 bytes")),
      (60, [0, 1, 0, 0], .damaged("65536 snapshots")),
      (16, [0, 0, 0, 9], .backingFile),
    ] as [(Int, [UInt8], ImageRefusal)])
  func changed(offset: Int, bytes: [UInt8], expected: ImageRefusal) async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await qemuImage(["-f", "qcow2", path.string, "100M"])
      try patch(path, at: offset, bytes)
      #expect(refusal(path) == expected)
    }
  }

  @Test("of a larger disk than the limit is refused, raw or qcow2")
  func huge() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await qemuImage(["-f", "qcow2", path.string, "65G"])
      #expect(refusal(path) == .tooLarge(size: 65 << 30, limit: 64 << 30))
      let raw = folder.appending("disk.raw")
      try await DiskLayout.make(raw, size: 65 << 30)
      #expect(refusal(raw) == .tooLarge(size: 65 << 30, limit: 64 << 30))
    }
  }

  @Test("of an image that is cut short is refused, wherever it is cut")
  func truncated() async throws {
    try await withTemporaryFolder { folder in
      let raw = folder.appending("disk.raw")
      try await DiskLayout.make(raw, size: 64 << 20)
      try await Command(
        "dd", ["if=/dev/urandom", "of=\(raw)", "bs=1M", "count=8", "seek=20", "conv=notrunc", "status=none"]
      ).run()
      let path = folder.appending("disk.qcow2")
      try await Command("qemu-img", ["convert", "-O", "qcow2", raw.string, path.string]).run()
      let whole = try ImageFile(path).identity.size
      for length: UInt64 in [4, 100, 65536, 65536 * 3, whole / 2, whole - 65536] {
        let cut = folder.appending("cut.qcow2")
        try await Command("cp", [path.string, cut.string]).run()
        truncate(cut.string, off_t(length))
        await #expect(throws: ImageRefusal.self, "cut to \(length) bytes") {
          try await QEMUImageCheck.run(cut, header: try header(cut))
        }
      }
      truncate(raw.string, 32 << 20)
      guard case .truncated = refusal(raw) else {
        Issue.record("half a raw disk was accepted")
        return
      }
    }
  }

  @Test("of a raw disk is accepted with an MBR or a GPT, and refused with neither")
  func raw() async throws {
    try await withTemporaryFolder { folder in
      let gpt = folder.appending("gpt")
      try await DiskLayout.make(gpt, size: 64 << 20)
      #expect(try header(gpt) == DiskImageHeader(format: .raw, virtualSize: 64 << 20))
      let mbr = folder.appending("mbr")
      try await Command("truncate", ["-s", "64M", mbr.string]).run()
      try await Command(
        "sh", ["-c", #"printf 'label: dos\nstart=2048\n' | /sbin/sfdisk -q "$1""#, "sh", mbr.string]
      ).run()
      #expect(try header(mbr) == DiskImageHeader(format: .raw, virtualSize: 64 << 20))
      let none = folder.appending("none")
      try await Command("truncate", ["-s", "64M", none.string]).run()
      #expect(refusal(none) == .noPartitionTable)
      let filesystem = folder.appending("ext4")
      try await Command("mke2fs", ["-q", filesystem.string, "64M"]).run()
      #expect(refusal(filesystem) == .noPartitionTable)
      let empty = folder.appending("empty")
      try AtomicFile.write("", to: empty)
      #expect(refusal(empty) == .empty)
    }
  }

  @Test(
    "of another format is named, with the way to use it",
    arguments: [
      ("vmdk", "VMDK"), ("vdi", "VDI"), ("vhdx", "VHDX"), ("vpc", "VHD"), ("qed", "QED"), ("parallels", "Parallels"),
    ])
  func foreign(format: String, name: String) async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk")
      try await qemuImage(["-f", format, path.string, "10M"])
      guard case .foreign(let found) = refusal(path) else {
        Issue.record("\(format) was not recognized")
        return
      }
      #expect(found.name.contains(name))
      #expect(found.remedy.contains("qemu-img convert"))
    }
  }

  @Test("of something else altogether is named", arguments: ["gzip", "xz", "bzip2", "zstd", "tar", "page", "iso"])
  func somethingElse(kind: String) async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("file")
      var bytes = [UInt8](repeating: 0, count: 40_000)
      let content: (Int, [UInt8]) =
        switch kind {
        case "gzip": (0, [0x1F, 0x8B, 8])
        case "xz": (0, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0])
        case "bzip2": (0, Array("BZh9".utf8))
        case "zstd": (0, [0x28, 0xB5, 0x2F, 0xFD])
        case "tar": (257, Array("ustar".utf8))
        case "page": (0, Array("\n <!DOCTYPE html><html>".utf8))
        default: (0x8001, Array("CD001".utf8))
        }
      bytes.replaceSubrange(content.0..<content.0 + content.1.count, with: content.1)
      // Hybrid ISO images have a partition table, too.
      bytes.replaceSubrange(510..<512, with: [0x55, 0xAA])
      try AtomicFile.write(bytes, to: path)
      guard case .foreign = refusal(path) else {
        Issue.record("\(kind) was not recognized")
        return
      }
    }
  }

  @Test("with random bytes flipped never crashes, and never lets a path through")
  func flipped() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await qemuImage(["-f", "qcow2", "-o", "compat=v3", path.string, "100M"])
      let original = try DiskLayout.readAll(path)
      var random = SeededGenerator(seed: 0x9E37_79B9)
      var accepted = 0
      for _ in 0..<2000 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 4..<600, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        guard let header = try? QCOW2Header(bytes, fileSize: UInt64(bytes.count), limit: 64 << 30) else { continue }
        accepted += 1
        #expect(bytes[8..<20].allSatisfy { $0 == 0 }, "a backing file got through")
        #expect(bytes[79] & 4 == 0 || bytes[7] == 2, "an external data file got through")
        #expect(header.virtualSize <= 64 << 30)
        guard accepted % 20 == 0 else { continue }
        // QEMU's own reading of what was accepted agrees.
        try AtomicFile.write(bytes, to: path)
        let information = try await Command("qemu-img", ["info", "-f", "qcow2", "--output=json", path.string]).output()
        #expect(!information.stdout.contains("backing-filename"))
        #expect(!information.stdout.contains("\"data-file\""))
      }
      #expect(accepted > 100, "the test changes too much to find anything")
    }
  }

  @Test("of what isn't a file is refused without waiting for it")
  func notAFile() async throws {
    try await withTemporaryFolder { folder in
      let pipe = folder.appending("pipe")
      mkfifo(pipe.string, 0o600)
      for path in [pipe, folder, FilePath("/dev/zero")] {
        #expect(throws: BaseError.notAFile(path)) { try ImageFile(path) }
      }
      #expect(throws: HostError.file(doing: "open", path: folder.appending("none"), errno: ENOENT)) {
        try ImageFile(folder.appending("none"))
      }
    }
  }

  private func patch(_ path: FilePath, at offset: Int, _ bytes: [UInt8]) throws {
    var content = try DiskLayout.readAll(path)
    content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    try AtomicFile.write(content, to: path)
  }
}

/// The same numbers each time (SplitMix64), so that what fails once fails again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
