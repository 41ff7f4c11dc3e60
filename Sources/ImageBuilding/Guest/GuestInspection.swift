import Foundation
import SystemPackage

/// Finds the one operating system on a session's disks.
///
/// libguestfs's own inspection knows every system there is and takes ten seconds under software emulation for it;
/// cpbuild builds on two, and refuses the rest by name.
struct GuestInspection {
  let session: GuestSession
  /// What the image is called in errors.
  let image: String
  /// Debian's name for the architecture that the system has to have.
  let architecture: String

  /// Looks at every filesystem, and leaves the system's mounted.
  ///
  /// - Throws: ``GuestSystemError``, ``GuestError``.
  func find() async throws -> GuestSystem {
    var filesystems = try await session.filesystems()
    var roots = try await roots(among: filesystems)
    // Asking each partition what it is takes a while under software emulation, so only where nothing else was found.
    if roots.isEmpty, try await holdsVolumeGroup() {
      try await session.activateVolumeGroups()
      filesystems = try await session.filesystems()
      roots = try await self.roots(among: filesystems)
    }
    guard let root = roots.first else { throw try await reasonForNone(filesystems) }
    guard roots.count == 1 else { throw GuestSystemError.several(image: image, roots: roots.map(\.mountable)) }

    try await session.mount(root.mountable, at: "/")
    let release = try await release()
    let distribution = release["ID"] ?? ""
    guard ["debian", "ubuntu"].contains(distribution) else {
      let found = release["PRETTY_NAME"] ?? release["ID"] ?? "an unnamed system"
      throw GuestSystemError.otherDistribution(image: image, found: found)
    }
    let found = try await elfArchitecture()
    guard found == architecture else {
      throw GuestSystemError.otherArchitecture(image: image, found: found, host: architecture)
    }
    let others = try await mountOthers(besides: root.mountable, among: filesystems)
    return GuestSystem(
      distribution: distribution, version: release["VERSION_ID"] ?? "", codename: release["VERSION_CODENAME"] ?? "",
      title: release["PRETTY_NAME"] ?? distribution, architecture: found,
      mounts: [GuestSystem.Mount(device: root.mountable, point: "/", type: root.type)] + others,
      isPlain: root.type == "ext4" && root.mountable.wholeMatch(of: /\/dev\/[a-z]+[0-9]+/) != nil
        && !others.contains { !$0.point.hasPrefix("/boot/efi") })
  }

  private func roots(
    among filesystems: [(mountable: String, type: String)]
  ) async throws -> [(mountable: String, type: String)] {
    var roots: [(mountable: String, type: String)] = []
    for candidate in filesystems
    where !["swap", "unknown", "vfat", "LVM2_member", "crypto_LUKS"].contains(candidate.type) {
      // One that can't be mounted is no root; a root that can't be mounted ends as "no operating system", with its type.
      guard (try? await session.mount(candidate.mountable, at: "/", options: "ro")) != nil else { continue }
      let isRoot =
        try await holds("/etc/os-release", "/usr/lib/os-release", "/Windows/System32")
      try await session.unmountAll()
      // A btrfs filesystem shows its default subvolume once more as itself.
      if isRoot
        && !(candidate.mountable.hasPrefix("/dev/")
          && roots.contains { $0.mountable.hasPrefix("btrfsvol:\(candidate.mountable)/") })
      {
        roots.append(candidate)
      }
    }
    let volumes = roots.filter { $0.mountable.hasPrefix("btrfsvol:") }
    return roots.filter { root in !volumes.contains { $0.mountable.hasPrefix("btrfsvol:\(root.mountable)/") } }
  }

  private func holds(_ paths: String...) async throws -> Bool {
    for path in paths where try await session.exists(path) { return true }
    return false
  }

  /// The first of these files that there is.
  private func text(_ paths: String...) async throws -> String {
    for path in paths {
      if let text = try await session.text(path) { return text }
    }
    return ""
  }

  /// libguestfs doesn't list the parts of a volume group among the filesystems.
  private func holdsVolumeGroup() async throws -> Bool {
    let (disks, partitions) = try await session.devices()
    for device in partitions + disks where await session.type(of: device) == "LVM2_member" { return true }
    return false
  }

  private func reasonForNone(_ filesystems: [(mountable: String, type: String)]) async throws -> GuestSystemError {
    let (disks, partitions) = try await session.devices()
    for device in disks + partitions where await session.type(of: device) == "crypto_LUKS" {
      return .encrypted(image: image, device: device)
    }
    return .none(image: image, found: filesystems.map(\.type).filter { $0 != "unknown" })
  }

  private func release() async throws -> [String: String] {
    let text = try await text("/etc/os-release", "/usr/lib/os-release")
    return text.split(separator: "\n").reduce(into: [:]) { values, line in
      guard let equals = line.firstIndex(of: "=") else { return }
      let value = line[line.index(after: equals)...].trimmingCharacters(in: CharacterSet(charactersIn: "\"'"))
      values[String(line[..<equals])] = String(value.filter { !$0.isNewline && $0.isASCII || $0.isLetter }.prefix(80))
    }
  }

  /// The architecture of the guest's own dpkg, by its ELF header: e_ident and e_machine (elf(5)).
  private func elfArchitecture() async throws -> String {
    guard try await session.isFile("/usr/bin/dpkg") else {
      throw GuestSystemError.otherDistribution(image: image, found: "a system without dpkg")
    }
    let header = [UInt8](try await session.read("/usr/bin/dpkg", limit: 20))
    guard header.count == 20, header.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { return "an unknown machine" }
    switch (header[4], header[5], header[18]) {
    case (2, 1, 62): return "amd64"
    case (2, 1, 183): return "arm64"
    case (1, 1, 3): return "i386"
    case (1, 1, 40): return "armhf"
    case (2, 1, 243): return "riscv64"
    case (2, 1, 21): return "ppc64el"
    case (2, 2, 22): return "s390x"
    default: return "an unknown machine"
    }
  }

  /// Mounts what fstab(5) splits off the root, shortest path first. What isn't on these disks is left alone.
  private func mountOthers(
    besides root: String, among filesystems: [(mountable: String, type: String)]
  ) async throws -> [GuestSystem.Mount] {
    let table = try await session.text("/etc/fstab") ?? ""
    let lines = table.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
    let wanted = lines.filter { $0.count >= 3 && !$0[0].hasPrefix("#") && $0[1].hasPrefix("/") && $0[1] != "/" }
    var mounts: [GuestSystem.Mount] = []
    for fields in wanted.sorted(by: { $0[1] < $1[1] }) where FilePath(fields[1]).isLexicallyNormal {
      guard let device = try await device(fields[0]), device != root,
        let type = filesystems.first(where: { $0.mountable == device })?.type ?? (fields[2] == "btrfs" ? "btrfs" : nil),
        type != "swap", try await session.exists(fields[1])
      else { continue }
      let subvolume = fields.count > 3 ? fields[3].split(separator: ",").first { $0.hasPrefix("subvol=") } : nil
      let name = subvolume.map { String($0.dropFirst("subvol=".count)).trimmingPrefix("/") }
      let mountable = name.map { "btrfsvol:\(device)/\($0)" } ?? device
      guard mountable != root else { continue }
      try await session.mount(mountable, at: fields[1])
      mounts.append(GuestSystem.Mount(device: mountable, point: fields[1], type: type))
    }
    return mounts
  }

  private func device(_ specification: String) async throws -> String? {
    let parts = specification.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else {
      return specification.hasPrefix("/dev/mapper/") || specification.hasPrefix("/dev/")
        ? canonical(specification) : nil
    }
    let value = parts[1].trimmingCharacters(in: CharacterSet(charactersIn: "\""))
    switch parts[0] {
    case "UUID": return await session.device(uuid: value)
    case "LABEL": return await session.device(label: value)
    default: return nil
    }
  }

  /// `/dev/mapper/vg-lv` and `/dev/vg/lv` are one; libguestfs lists the second. `--` stands for a dash in a name.
  private func canonical(_ device: String) -> String {
    guard device.hasPrefix("/dev/mapper/") else { return device }
    let name = device.dropFirst("/dev/mapper/".count).replacing("--", with: "\u{0}")
    return "/dev/" + name.replacing("-", with: "/").replacing("\u{0}", with: "-")
  }
}
