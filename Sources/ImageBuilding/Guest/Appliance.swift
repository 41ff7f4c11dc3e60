import Foundation
import Host
public import SystemPackage

/// The VM in which guests' disks are opened: what it is made of and how much of this machine it gets.
public struct Appliance: Sendable {
  /// Where supermin's input for it lies; nil for the one that libguestfs brings.
  public let path: FilePath?
  /// Where the finished appliance is kept.
  public let cache: FilePath
  /// MiB.
  public let memory: Int
  public let processors: Int
  public let usesKVM: Bool

  /// Prepares cpbuild's own appliance below `cache`: libguestfs's daemon with a smaller set of packages and an init that
  /// doesn't start what a disk edit never needs.
  ///
  /// Where libguestfs's supermin input isn't found (another layout than Debian's and Ubuntu's), its own appliance serves.
  ///
  /// - Throws: ``HostError``.
  public static func prepare(cache: FilePath, usesKVM: Bool) async throws -> Appliance {
    let folder = cache.appending("appliance")
    try Folder.make(folder, mode: 0o700)
    let own = try await ownInput(below: folder)
    return Appliance(
      path: own, cache: own ?? folder, memory: memory(),
      // dpkg does one thing at a time, and emulated processors slow one another down.
      processors: usesKVM ? min(2, ProcessInfo.processInfo.activeProcessorCount) : 1, usesKVM: usesKVM)
  }

  /// Packages of libguestfs's appliance that no edit of cpbuild's runs anything from. Named by what is left out, since the
  /// libraries that stay are called differently from release to release.
  private static let unused: Set<String> = [
    "binutils", "bzip2", "cryptsetup-bin", "curl", "debootstrap", "exfatprogs", "extlinux", "f2fs-tools", "gawk",
    "grub2-common", "isc-dhcp-client", "dhcpcd-base", "kpartx", "ldmtool", "less", "lsscsi", "lzop", "mdadm", "mtools",
    "ntfs-3g", "openssh-client", "pciutils", "qemu-utils", "scrub", "sleuthkit", "squashfs-tools", "syslinux",
    "systemd-sysv", "udev", "zerofree", "zfs-fuse", "iputils-ping", "rsync", "vim-tiny", "ufsutils", "nilfs-tools",
    "jfsutils", "reiserfsprogs", "hfsplus", "icoutils", "osinfo-db", "linux-image", "lvm2-lockd",
  ]

  private static func ownInput(below folder: FilePath) async throws -> FilePath? {
    guard let stock = stockInput() else { return nil }
    let list = try String(contentsOfFile: stock.appending("packages").string, encoding: .utf8)
    let packages = list.split(separator: "\n").filter { !unused.contains(String($0)) }.joined(separator: "\n") + "\n"
    let initScript = String(decoding: PackageResources.appliance_init, as: UTF8.self)
    // libguestfs and supermin look at times, not content: another content gets another folder.
    let key = Digest.sha256(packages + initScript + (try identity(of: stock))).hex.prefix(16)
    let input = folder.appending(String(key))
    let lock = try await FileLock.wait(for: folder.appending("lock"))
    defer { withExtendedLifetime(lock) {} }
    if access(input.appending("supermin.d").string, F_OK) == 0 { return input }
    for other in try Folder.names(in: folder) where other != "lock" { try Folder.remove(folder.appending(other)) }

    let aside = folder.appending(".\(key).tmp")
    let recipe = aside.appending("supermin.d")
    try Folder.make(recipe, mode: 0o755)
    for name in try Folder.names(in: stock) where name != "packages" && name != "init.tar.gz" {
      try FileManager.default.copyItem(atPath: stock.appending(name).string, toPath: recipe.appending(name).string)
    }
    try AtomicFile.write(packages, to: recipe.appending("packages"))
    try AtomicFile.write(initScript, to: aside.appending("init"), mode: 0o755)
    try await Command("tar", ["-czf", recipe.appending("init.tar.gz").string, "-C", aside.string, "./init"]).run()
    try AtomicFile.publish(aside, as: input)
    return input
  }

  private static func stockInput() -> FilePath? {
    let roots = [
      "/usr/lib/x86_64-linux-gnu/guestfs", "/usr/lib/aarch64-linux-gnu/guestfs", "/usr/lib/guestfs",
      "/usr/lib64/guestfs",
    ]
    return roots.map { FilePath($0).appending("supermin.d") }.first { folder in
      ["packages", "init.tar.gz", "daemon.tar.gz"].allSatisfy { access(folder.appending($0).string, R_OK) == 0 }
    }
  }

  private static func identity(of folder: FilePath) throws -> String {
    try Folder.names(in: folder).map { try Digest.ofFile(folder.appending($0)).hex }.joined()
  }

  /// Half of what is free now, between 768 MiB, below which dpkg gets slow, and 2 GiB, above which nothing gets faster.
  private static func memory() -> Int {
    let info = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
    let line = info.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 4 << 20
    return max(768, min(2048, kibibytes / 1024 / 2))
  }
}
