import Foundation
import Host
import SystemPackage
import Testing

extension Machines {
  /// Disks that are whole, and hold something that no image can be made of: found by a look inside.
  @Suite struct OtherSystemTests {
    enum Bad: String, CaseIterable, Sendable {
      case noSystem, twoSystems, fedora, otherArchitecture, encrypted, tooLittleSpace

      var words: [String] {
        switch self {
        case .noSystem: ["holds no operating system", "use a cloud image of Debian or Ubuntu"]
        case .twoSystems: ["holds several operating systems", "use an image with one"]
        case .fedora: ["Fedora Linux 40", "neither Debian nor Ubuntu"]
        case .otherArchitecture: ["is for arm64", "use the image for"]
        case .encrypted: ["is encrypted", "LUKS"]
        case .tooLittleSpace: ["MiB free", "use a larger image or fewer packages"]
        }
      }

      func make(_ disk: FilePath, in workshop: Workshop) async throws {
        if self == .tooLittleSpace { return try await Self.makeFull(disk, in: workshop) }
        let half = TestDisk.Partition(start: 1, size: 30)
        let others = self == .twoSystems ? [TestDisk.Partition(start: 32, size: 30)] : []
        let made = try await TestDisk.make(disk, size: 64, [half] + others)
        let root = workshop.folder.appending("root")
        if self == .encrypted {
          let volume = workshop.folder.appending("luks")
          try workshop.write("secret", to: workshop.folder.appending("key"))
          try await Command("truncate", ["--size=24M", volume.string]).run()
          try await Command(
            "cryptsetup",
            [
              "luksFormat", "--batch-mode", "--type=luks2", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000",
              "--key-file=\(workshop.folder)/key", volume.string,
            ]
          ).run()
          return try await made.lay(volume, at: 1)
        }
        if self != .noSystem {
          try Self.system(root, isFedora: self == .fedora, machine: self == .otherArchitecture ? 183 : 62, workshop)
        }
        try await made.fill(at: 1, size: 30, from: self == .noSystem ? nil : root)
        if self == .twoSystems { try await made.fill(at: 32, size: 30, from: root) }
      }

      /// As much of a system as is looked at before it is refused: os-release, and the header of dpkg (elf(5)).
      private static func system(_ root: FilePath, isFedora: Bool, machine: UInt8, _ workshop: Workshop) throws {
        let release =
          isFedora
          ? "ID=fedora\nPRETTY_NAME=\"Fedora Linux 40\"\n"
          : "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"
        try workshop.write(release, to: root.appending("etc/os-release"))
        var header = Data([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1]) + Data(count: 57)
        header[16] = 3
        header[18] = machine
        try Folder.make(root.appending("usr/bin"))
        try header.write(to: URL(filePath: root.appending("usr/bin/dpkg").string))
      }

      /// The real base with its free space taken.
      private static func makeFull(_ disk: FilePath, in workshop: Workshop) async throws {
        try await Command("cp", ["--sparse=always", SharedImage.shared.base.string, disk.string]).run()
        try await Command("chmod", ["0600", disk.string]).run()
        let filler = workshop.folder.appending("filler")
        // As a hole it takes no block there; random bytes do, and debugfs ends with the disk full.
        try await Command("sh", ["-c", "head -c 900M /dev/urandom > \"$1\"", "sh", filler.string]).run()
        try? await RootDisk(path: disk).edit(["write \(filler) /filler"])
        try Folder.remove(filler)
      }
    }

    @Test(
      "a disk with no system to build on is refused with its path, the reason and the remedy", arguments: Bad.allCases)
    func refused(_ bad: Bad) async throws {
      try await Workshop.withClonedCache { workshop in
        let path = workshop.folder.appending("\(bad).img")
        try await bad.make(path, in: workshop)
        let before = try Digest.ofFile(path)
        let run = try await workshop.cpbuild.image(try workshop.recipe(base: "{ path: \(path) }", packages: ["unzip"]))
        #expect(run.status == 1)
        for words in [path.string] + bad.words { #expect(run.stderr.contains(words), "\(run.stderr)") }
        #expect(try Digest.ofFile(path) == before, "the base was changed")
        let work = try Folder.names(in: workshop.cpbuild.cache.appending("work"))
        #expect(work.isEmpty)
        try workshop.expectNoArtifact()
        try await Strays.expectNone(naming: workshop.cpbuild.cache)
      }
    }
  }
}
