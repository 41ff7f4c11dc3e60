import Glibc
import Host
import SystemPackage

/// An EFI system partition, made with mtools, which need neither root nor a loop device.
enum EFIPartition {
  /// - Parameters:
  ///   - loader: becomes `/EFI/BOOT/BOOTX64.EFI`, which firmware starts when nobody told it what to
  ///     (UEFI specification 2.10, section 3.5.1.1).
  ///   - size: in bytes.
  ///   - folder: for the file.
  /// - Returns: a file with the partition's content.
  /// - Throws: `HostError`, `CancellationError`.
  static func make(loader: FilePath, size: UInt64, folder: FilePath) async throws -> FilePath {
    let image = folder.appending("esp.img")
    try await Command("truncate", ["--size=\(size)", "--", image.string]).run()
    // One time for all entries, in UTC: FAT knows no time zone.
    let environment: [String: String?] = [
      "SOURCE_DATE_EPOCH": "\(SourceDateEpoch.standard)", "TZ": "UTC", "MTOOLSRC": "/dev/null",
    ]
    let times = [
      timespec(tv_sec: SourceDateEpoch.standard, tv_nsec: 0), timespec(tv_sec: SourceDateEpoch.standard, tv_nsec: 0),
    ]
    utimensat(AT_FDCWD, loader.string, times, 0)
    let steps = [
      [
        "mformat", "-i", image.string, "-T", "\(size / DiskLayout.sectorSize)", "-h", "64", "-s", "32", "-N",
        "43504255",
      ]
        + ["-v", "ESP", "::"],
      ["mmd", "-i", image.string, "::/EFI", "::/EFI/BOOT"],
      ["mcopy", "-m", "-i", image.string, loader.string, "::/EFI/BOOT/BOOTX64.EFI"],
    ]
    for step in steps { try await Command(step[0], Array(step.dropFirst()), environment: environment).run() }
    return image
  }
}
