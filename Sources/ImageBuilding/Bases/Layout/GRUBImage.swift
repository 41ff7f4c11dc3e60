import Host
import SystemPackage

/// Makes GRUB's images for one root filesystem, with `grub-mkimage` and the modules in `/usr/lib/grub`.
struct GRUBImage {
  enum Platform: String { case bios = "i386-pc", efi = "x86_64-efi" }

  /// The UUID of the filesystem with `/boot/grub/grub.cfg`.
  let root: String
  /// For files that are made on the way.
  let folder: FilePath

  static let bootImagePath = modules(of: .bios).appending("boot.img")

  static func modules(of platform: Platform) -> FilePath { FilePath("/usr/lib/grub").appending(platform.rawValue) }

  /// What finds the root, reads the menu and starts Linux; the menu's own commands.
  private static let modules = [
    "part_gpt", "part_msdos", "ext2", "search_fs_uuid", "configfile", "normal", "linux", "serial", "terminal", "test",
    "echo",
    "reboot", "halt",
  ]

  /// The first sector's code.
  ///
  /// - Throws: ``BaseError/badBootLoader(file:reason:)``, `HostError`.
  func bootImage() throws -> [UInt8] {
    try Self.checkInstalled(.bios)
    return try DiskLayout.readAll(Self.bootImagePath)
  }

  /// - Throws: ``BaseError/badBootLoader(file:reason:)``, `HostError`, `CancellationError`.
  func biosCore() async throws -> [UInt8] {
    try DiskLayout.readAll(try await make(.bios, modules: ["biosdisk"] + Self.modules))
  }

  /// The path of the program for the EFI partition.
  ///
  /// - Throws: ``BaseError/badBootLoader(file:reason:)``, `HostError`, `CancellationError`.
  func efiLoader() async throws -> FilePath {
    // The video modules tell Linux of the framebuffer.
    try await make(.efi, modules: Self.modules + ["all_video"])
  }

  /// What its images are made from, on this machine: another version of GRUB makes other ones.
  ///
  /// - Throws: ``BaseError/badBootLoader(file:reason:)``, `HostError`.
  static func version() throws -> Digest {
    var hasher = Digest.Hasher()
    for platform in [Platform.bios, .efi] {
      try checkInstalled(platform)
      hasher.update(try DiskLayout.readAll(modules(of: platform).appending("kernel.img")))
    }
    hasher.update(try DiskLayout.readAll(bootImagePath))
    return hasher.finish()
  }

  private func make(_ platform: Platform, modules: [String]) async throws -> FilePath {
    try Self.checkInstalled(platform)
    let early = folder.appending("early.cfg")
    try AtomicFile.write(
      """
      search.fs_uuid \(root) root
      set prefix=($root)/boot/grub
      configfile /boot/grub/grub.cfg

      """, to: early, mode: 0o600)
    let image = folder.appending("\(platform.rawValue).img")
    try await Command(
      "grub-mkimage",
      ["-O", platform.rawValue, "-c", early.string, "-p", "/boot/grub", "-o", image.string] + modules
    ).run()
    return image
  }

  private static func checkInstalled(_ platform: Platform) throws {
    let kernel = modules(of: platform).appending("kernel.img")
    guard (try? ImageFile(kernel)) != nil else {
      throw BaseError.badBootLoader(file: kernel, reason: "it isn't there")
    }
  }
}
