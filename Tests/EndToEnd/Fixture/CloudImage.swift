import Foundation
import Host
import SystemPackage

/// A disk laid out as a distribution's published cloud images are, with the bootstrapped system for content: the packages
/// come from this machine's own mirror, and everything that cpbuild looks at says that it is the other one.
struct CloudImage: Sendable {
  enum Publisher: String, CaseIterable, Sendable {
    case ubuntu2404 = "cloudpipe-ubuntu-24.04"
    case ubuntu2204 = "cloudpipe-ubuntu-22.04"
    case debian12 = "cloudpipe-debian-12"

    /// The shipped recipe.
    var recipe: String { rawValue }

    fileprivate var isUbuntu: Bool { self != .debian12 }

    /// os-release(5).
    fileprivate var release: String {
      switch self {
      case .ubuntu2404:
        """
        PRETTY_NAME="Ubuntu 24.04.3 LTS"
        NAME="Ubuntu"
        VERSION_ID="24.04"
        VERSION_CODENAME=noble
        ID=ubuntu
        ID_LIKE=debian

        """
      case .ubuntu2204:
        """
        PRETTY_NAME="Ubuntu 22.04.5 LTS"
        NAME="Ubuntu"
        VERSION_ID="22.04"
        VERSION_CODENAME=jammy
        ID=ubuntu
        ID_LIKE=debian

        """
      case .debian12:
        """
        PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
        NAME="Debian GNU/Linux"
        VERSION_ID="12"
        VERSION_CODENAME=bookworm
        ID=debian

        """
      }
    }

    /// fstab(5). Only Ubuntu's newest has a partition for /boot.
    fileprivate var table: String {
      switch self {
      case .ubuntu2404:
        """
        LABEL=cloudimg-rootfs\t/\text4\tdiscard,commit=30,errors=remount-ro\t0 1
        LABEL=BOOT\t/boot\text4\tdefaults\t0 2
        LABEL=UEFI\t/boot/efi\tvfat\tumask=0077\t0 1

        """
      case .ubuntu2204:
        """
        LABEL=cloudimg-rootfs\t/\text4\tdiscard,errors=remount-ro\t0 1
        LABEL=UEFI\t/boot/efi\tvfat\tumask=0077\t0 1

        """
      case .debian12:
        """
        PARTUUID=c1f0a7de-0000-4000-8000-000000000001 / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1
        PARTUUID=c1f0a7de-0000-4000-8000-00000000000f /boot/efi vfat defaults 0 0

        """
      }
    }
  }

  let publisher: Publisher

  /// Where partitions begin and how long they are, in MiB, by their numbers on the published images.
  private static let parts = (bios: (1, 4), efi: (5, 106), boot: (112, 400), root: (512, 1700))

  /// Makes the image as a qcow2 at `path`, compressed as publishers do.
  func make(_ path: FilePath, in workshop: Workshop) async throws {
    let root = workshop.folder.appending("cloud-root")
    defer { try? Folder.remove(root) }
    try await RootDisk(path: SharedImage.shared.base).copyOut(to: root)
    try await dress(root, in: workshop)

    let (bios, efi, boot, place) = (Self.parts.bios, Self.parts.efi, Self.parts.boot, Self.parts.root)
    let raw = workshop.folder.appending("cloud.raw")
    defer { try? Folder.remove(raw) }
    var partitions: [TestDisk.Partition] = [
      .init(number: 1, start: place.0, size: place.1),
      .init(number: 14, type: "21686148-6449-6E6F-744E-656564454649", start: bios.0, size: bios.1),
      .init(number: 15, type: "U", start: efi.0, size: efi.1),
    ]
    if publisher == .ubuntu2404 { partitions.append(.init(number: 16, start: boot.0, size: boot.1)) }
    let disk = try await TestDisk.make(raw, label: "gpt", size: 2252, partitions)
    if publisher == .ubuntu2404 {
      try await disk.fill(at: boot.0, size: boot.1, from: root.appending("boot"), label: "BOOT")
      try Folder.remove(root.appending("boot"))
      try Folder.make(root.appending("boot"))
    }
    try await disk.fill(at: place.0, size: place.1, from: root, label: "cloudimg-rootfs")
    let system = workshop.folder.appending("efi")
    try await Command("truncate", ["--size=\(efi.1)M", system.string]).run()
    try await Command("mkfs.vfat", ["-n", "UEFI", system.string]).run()
    try await disk.lay(system, at: efi.0)
    try await Command(
      "qemu-img",
      ["convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zlib", raw.string, path.string]
    ).run()
  }

  /// Gives the system the publisher's marks.
  private func dress(_ root: FilePath, in workshop: Workshop) async throws {
    try workshop.write(publisher.release, to: root.appending("usr/lib/os-release"))
    try workshop.write(publisher.table, to: root.appending("etc/fstab"))
    try Folder.make(root.appending("boot/efi"))
    try sources(root, in: workshop)
    try workshop.write("datasource_list: [ NoCloud, None ]\n", to: root.appending("etc/cloud/cloud.cfg"))
    guard publisher.isUbuntu else { return try renameBusybox(root, in: workshop) }
    // The links to the kernel lie in /boot there.
    for link in ["vmlinuz", "initrd.img"] {
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: root.appending(link).string)
      let name = FilePath(target).lastComponent?.string ?? ""
      try FileManager.default.removeItem(atPath: root.appending(link).string)
      try FileManager.default.createSymbolicLink(
        atPath: root.appending("boot").appending(link).string, withDestinationPath: name)
    }
    try workshop.write(
      "network:\n  version: 2\n  ethernets:\n    ens3: { dhcp4: true }\n",
      to: root.appending("etc/netplan/50-cloud-init.yaml"))
    // What netplan's generator does at boot on Ubuntu: systemd-networkd is in charge of the card.
    try workshop.write(
      "[Match]\nType=ether\n[Network]\nDHCP=ipv4\n", to: root.appending("etc/systemd/network/10-netplan-ens3.network"))
    let wants = root.appending("etc/systemd/system/multi-user.target.wants")
    try Folder.make(wants)
    try FileManager.default.createSymbolicLink(
      atPath: wants.appending("systemd-networkd.service").string,
      withDestinationPath: "/lib/systemd/system/systemd-networkd.service")
  }

  /// Debian's images may have busybox itself, which the base's static one would have to make room for.
  private func renameBusybox(_ root: FilePath, in workshop: Workshop) throws {
    let dpkg = root.appending("var/lib/dpkg")
    let status = try String(contentsOfFile: dpkg.appending("status").string, encoding: .utf8)
    let stanzas = status.components(separatedBy: "\n\n").map { stanza in
      guard stanza.hasPrefix("Package: busybox-static\n") else { return stanza }
      let lines = stanza.split(separator: "\n").dropFirst().filter { line in
        !["Conflicts:", "Replaces:", "Provides:"].contains { line.hasPrefix($0) }
      }
      return (["Package: busybox"] + lines).joined(separator: "\n")
    }
    try workshop.write(stanzas.joined(separator: "\n\n"), to: dpkg.appending("status"))
    let info = dpkg.appending("info")
    for name in try Folder.names(in: info) where name.hasPrefix("busybox-static.") {
      try FileManager.default.moveItem(
        atPath: info.appending(name).string,
        toPath: info.appending(name.replacing("busybox-static", with: "busybox")).string)
    }
  }

  /// The mirror of the base, written down as the publisher does it.
  private func sources(_ root: FilePath, in workshop: Workshop) throws {
    let apt = root.appending("etc/apt")
    let folder = apt.appending("sources.list.d")
    var stanzas: [Substring] = []
    for name in try Folder.names(in: folder) where name.hasSuffix(".sources") {
      let text = try String(contentsOfFile: folder.appending(name).string, encoding: .utf8)
      stanzas += text.split(separator: "\n\n")
      try Folder.remove(folder.appending(name))
    }
    switch publisher {
    case .ubuntu2404:
      try workshop.write(stanzas.joined(separator: "\n\n") + "\n", to: folder.appending("ubuntu.sources"))
    case .ubuntu2204:
      try workshop.write(stanzas.map(Self.lines).joined(), to: apt.appending("sources.list"))
    case .debian12:
      // Debian's images name lists of mirrors, apt-transport-mirror(1).
      for (number, stanza) in stanzas.enumerated() {
        let list = apt.appending("mirrors").appending("\(number).list")
        let mirror = Self.field("URIs", of: stanza)
        try workshop.write("\(mirror)\n", to: list)
        try workshop.write(
          stanza.replacing("URIs: \(mirror)", with: "URIs: mirror+file:/etc/apt/mirrors/\(number).list") + "\n",
          to: folder.appending("debian-\(number).sources"))
      }
    }
  }

  /// A stanza of deb822(5) as lines of sources.list(5).
  private static func lines(_ stanza: Substring) -> String {
    field("Suites", of: stanza).split(separator: " ").map { suite in
      "deb [signed-by=\(field("Signed-By", of: stanza))] \(field("URIs", of: stanza)) \(suite) "
        + "\(field("Components", of: stanza))\n"
    }.joined()
  }

  private static func field(_ name: String, of stanza: Substring) -> Substring {
    stanza.split(separator: "\n").first { $0.hasPrefix("\(name): ") }?.dropFirst(name.count + 2) ?? ""
  }
}
