import Foundation
import Glibc
import Host
import SystemPackage

/// How cpbuild lays out a disk so that any cloud boots it, by BIOS and by UEFI:
///
/// | partition | from | what |
/// | --- | --- | --- |
/// | 1 | sector 34 | GRUB for BIOS (its core image, without a filesystem) |
/// | 2 | 1 MiB | EFI system partition: GRUB as `/EFI/BOOT/BOOTX64.EFI` |
/// | 3 | 9 MiB | the root, ext4 |
///
/// Both GRUBs carry the modules that they need and know the root's UUID, so the system itself needs no GRUB packages;
/// they read `/boot/grub/grub.cfg`, which is static and relies on the links to the newest kernel that the distribution
/// keeps up. They aren't signed, so Secure Boot has to be off.
enum DiskLayout {
  static let rootPartition = 3
  /// What a disk needs besides its root, in bytes.
  static let overhead: UInt64 = 10 << 20
  /// Where the root begins, in bytes.
  static let rootOffset: UInt64 = 9 << 20

  static let sectorSize: UInt64 = 512
  /// The first sector that a GPT leaves free.
  static let biosSector: UInt64 = 34
  private static let espSector: UInt64 = 2048
  private static let rootSector = rootOffset / sectorSize
  static let espSize: UInt64 = 8 << 20

  /// The bytes that the root has on a disk of `size`: all but the last MiB, where the second GPT is.
  static func rootSize(ofDisk size: UInt64) -> UInt64 { size - overhead }

  /// Makes a sparse raw disk with its partitions; what is at `disk` is replaced.
  ///
  /// - Parameter size: in bytes, a multiple of 1 MiB.
  /// - Throws: `HostError`, `CancellationError`.
  static func make(_ disk: FilePath, size: UInt64) async throws {
    try Folder.remove(disk)
    let descriptor = open(disk.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw HostError.file(doing: "create", path: disk, errno: errno) }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(size)) == 0 else {
      throw HostError.file(doing: "make room in", path: disk, errno: errno)
    }
    let script = FilePath(disk.string + ".sfdisk")
    try AtomicFile.write(partitions(diskSize: size), to: script, mode: 0o600)
    defer { unlink(script.string) }
    // sfdisk reads its script from stdin alone.
    try await Command(
      "sh",
      ["-c", #"exec "$1" --quiet --no-reread --no-tell-kernel "$2" < "$3""#, "sh"]
        + [try Program.find("sfdisk").string, disk.string, script.string]
    ).run()
  }

  /// sfdisk(8)'s script. All ids are fixed: a disk's content is to depend on its inputs only.
  static func partitions(diskSize: UInt64) -> String {
    let id = { (name: String) in DerivedUUID.of("cpbuild disk layout 1: \(name)") }
    return """
      label: gpt
      label-id: \(id("disk"))
      unit: sectors
      first-lba: \(biosSector)
      start=\(biosSector), size=\(espSector - biosSector), type=21686148-6449-6E6F-744E-656564454649, \
      uuid=\(id("bios")), name="bios"
      start=\(espSector), size=\(espSize / sectorSize), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, \
      uuid=\(id("esp")), name="esp"
      start=\(rootSector), size=\(rootSize(ofDisk: diskSize) / sectorSize), \
      type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=\(id("root")), name="root"

      """
  }

  /// `/boot/grub/grub.cfg` for a root with this UUID.
  ///
  /// Kernel and initramfs are those that `/vmlinuz` and `/initrd.img` lead to: Debian's and Ubuntu's kernel packages
  /// keep these links up (linux-update-symlinks(1)), in `/boot` where `/etc/kernel-img.conf` says so.
  static func bootMenu(root: String) -> String {
    """
    if serial --unit=0 --speed=115200; then
      terminal_input serial console
      terminal_output serial console
    fi
    set timeout=0
    menuentry "Linux" {
      search.fs_uuid \(root) root
      if test -e /vmlinuz; then set from=; else set from=/boot; fi
      linux $from/vmlinuz root=UUID=\(root) ro console=tty0 console=ttyS0,115200n8
      initrd $from/initrd.img
    }

    """
  }

  /// Puts both GRUBs onto a disk that ``make(_:size:)`` made.
  ///
  /// - Parameter root: the UUID of the root's filesystem.
  /// - Throws: ``BaseError/badBootLoader(file:reason:)``, `HostError`, `CancellationError`.
  static func installBootloader(on disk: FilePath, root: String) async throws {
    let folder = FilePath(disk.string + ".boot")
    try Folder.remove(folder)
    try Folder.make(folder, mode: 0o700)
    defer { try? Folder.remove(folder) }
    let grub = GRUBImage(root: root, folder: folder)
    let core = try await grub.biosCore()
    let loader = try await grub.efiLoader()
    let esp = try await EFIPartition.make(loader: loader, size: espSize, folder: folder)

    let descriptor = open(disk.string, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw HostError.file(doing: "open", path: disk, errno: errno) }
    defer { close(descriptor) }
    var first = [UInt8](repeating: 0, count: Int(sectorSize))
    guard pread(descriptor, &first, first.count, 0) == first.count else {
      throw HostError.file(doing: "read", path: disk, errno: errno)
    }
    let boot = try BIOSBoot(
      bootImage: try grub.bootImage(), core: core, firstSector: first, coreSector: biosSector,
      room: (espSector - biosSector) * sectorSize)
    try write(boot.coreBytes, to: descriptor, at: biosSector * sectorSize, path: disk)
    try write(try readAll(esp), to: descriptor, at: espSector * sectorSize, path: disk)
    // Last, so that a disk which boots at all boots well.
    try write(boot.firstSector, to: descriptor, at: 0, path: disk)
    guard fsync(descriptor) == 0 else { throw HostError.file(doing: "flush", path: disk, errno: errno) }
  }

  static func readAll(_ path: FilePath) throws -> [UInt8] {
    let file = try ImageFile(path)
    return try file.read(at: 0, count: Int(file.identity.size))
  }

  private static func write(_ bytes: [UInt8], to descriptor: CInt, at offset: UInt64, path: FilePath) throws {
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset) + off_t(done))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw HostError.file(doing: "write", path: path, errno: errno) }
      done += count
    }
  }
}

/// UUIDs that depend on nothing but a text (RFC 9562, version 8).
enum DerivedUUID {
  static func of(_ text: String) -> String {
    var bytes = Array(Digest.sha256(text).bytes.prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    let hex = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    var rest = hex[...]
    return [8, 4, 4, 4, 12].map { length in
      defer { rest = rest.dropFirst(length) }
      return String(rest.prefix(length))
    }.joined(separator: "-")
  }
}
