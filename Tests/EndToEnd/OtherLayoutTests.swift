import Foundation
import Host
import SystemPackage
import Testing

extension Machines {
  /// Bases that are laid out as distributions and people lay them out. All of them hold the bootstrapped system; each
  /// comes in another format, too.
  @Suite struct OtherLayoutTests {
    enum Layout: String, CaseIterable, Sendable { case masterBootRecord, logicalVolume, btrfs }

    private static let uuid = "c1f0a7de-0000-4000-8000-00000000cafe"

    /// The bootstrapped system's files, with an fstab for this layout.
    private static func root(_ layout: Layout, in workshop: Workshop) async throws -> FilePath {
      let root = workshop.folder.appending("root")
      try await RootDisk(path: SharedImage.shared.base).copyOut(to: root)
      let table =
        switch layout {
        case .masterBootRecord: "UUID=\(uuid) / ext4 defaults 0 1\n"
        case .logicalVolume: "/dev/mapper/vg-root / ext4 defaults 0 1\n"
        case .btrfs: "UUID=\(uuid) / btrfs defaults,subvol=@ 0 0\n"
        }
      try workshop.write(table, to: root.appending("etc/fstab"))
      return root
    }

    /// - Returns: the base: raw, or a qcow2 with another compression for each layout.
    private static func base(_ layout: Layout, in workshop: Workshop) async throws -> FilePath {
      let root = try await root(layout, in: workshop)
      let raw = workshop.folder.appending("base.raw")
      switch layout {
      case .masterBootRecord:
        let disk = try await TestDisk.make(raw, size: 1000, [.init(start: 1, size: 998)])
        try await disk.fill(at: 1, size: 998, from: root, uuid: uuid)
        return try await convert(raw, compression: "zlib")
      case .logicalVolume:
        let disk = try await TestDisk.make(raw, label: "gpt", size: 2000, [.init(start: 1, size: 1900)])
        try await Guestfish.run(
          "pvcreate /dev/sda1\nvgcreate vg /dev/sda1\nlvcreate root vg 1400", drives: [raw])
        // The first extent lies 1 MiB into the physical volume (default_data_alignment of lvm.conf(5)).
        try await disk.fill(at: 2, size: 1400, from: root)
        return try await convert(raw, compression: "zstd")
      case .btrfs:
        let filesystem = workshop.folder.appending("btrfs")
        try await Command("truncate", ["--size=1900M", filesystem.string]).run()
        try await Command("mkfs.btrfs", ["--quiet", "--uuid", uuid, "--rootdir", root.string, filesystem.string]).run()
        let disk = try await TestDisk.make(raw, label: "gpt", size: 2000, [.init(start: 1, size: 1900)])
        try await disk.lay(filesystem, at: 1)
        // The system becomes a subvolume; what names it at the top goes.
        try await Guestfish.run(
          """
          mount /dev/sda1 /
          btrfs-subvolume-snapshot / /@
          rm-f /etc/os-release
          rm-f /usr/lib/os-release
          umount /
          """, drives: [raw])
        return raw
      }
    }

    private static func convert(_ raw: FilePath, compression: String) async throws -> FilePath {
      let image = FilePath(raw.string + ".qcow2")
      try await Command(
        "qemu-img",
        [
          "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=\(compression)", raw.string,
          image.string,
        ]
      ).run()
      try Folder.remove(raw)
      return image
    }

    @Test(
      "a base of any layout becomes a plain ext4 disk of at most 1 GiB that verifies clean", arguments: Layout.allCases)
    func built(_ layout: Layout) async throws {
      try await Workshop.withClonedCache { workshop in
        let path = try await Self.base(layout, in: workshop)
        let before = try Digest.ofFile(path)
        let recipe = try workshop.recipe(base: "{ path: \(path) }", packages: ["unzip"])
        let image = try await workshop.cpbuild.build(recipe)
        #expect(try Digest.ofFile(path) == before, "the base was changed")

        let manifest = try image.manifest
        #expect(manifest.disk.virtualSize <= 1 << 30)
        let verified = try await workshop.cpbuild.image("verify")
        #expect(verified.status == 0, "\(verified.stdout)")
        let paths = Set(manifest.files.map(\.path))
        #expect(paths.contains("/usr/bin/unzip"))
        // A plain disk of that size stays as it is; the others are laid out anew.
        #expect((manifest.boot.root == Self.uuid) == (layout == .masterBootRecord))
        guard layout != .masterBootRecord else { return }
        let disk = try await RootDisk.unpack(image, in: workshop.folder)
        let table = try await disk.text("/etc/fstab")
        #expect(table.hasPrefix("UUID=\(manifest.boot.root) / ext4 "), "\(table)")
      }
    }
  }
}
