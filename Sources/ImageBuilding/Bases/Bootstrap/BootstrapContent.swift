import Host

/// What goes into a bootstrapped system besides its packages' own files.
///
/// It is small, since the image has to be: no documentation, no translations, no drivers for what a VM behind a VPN
/// never has. That is said in dpkg's own settings, so it holds for later packages too, and can be taken back there.
struct BootstrapContent: Sendable {
  /// Raise it whenever the same packages are to give another system.
  static let version = 1

  let distribution: Distribution
  /// The text of the new system's sources.
  let sources: String
  /// The root's UUID.
  let root: String

  /// What is asked for besides the essential packages.
  static func packages(for distribution: Distribution, usesTLS: Bool) -> [String] {
    // zstd is what the initramfs is packed with: it unpacks five times as fast as gzip. busybox belongs into an initramfs
    // too, and would have it made anew when it came later, which takes minutes under software emulation.
    [
      "apt", "busybox-static", "e2fsprogs", "initramfs-tools", "kmod", "login", "systemd-sysv", "udev", "zstd",
      distribution.kernel,
    ]
      + (usesTLS ? ["ca-certificates"] : [])
  }

  /// Files that are there before the first package is, by their paths.
  var files: [String: (text: String, mode: UInt32)] {
    [
      "etc/dpkg/dpkg.cfg.d/cpbuild": (Self.excluded, 0o644),
      "etc/apt/apt.conf.d/90cpbuild": (Self.aptSettings, 0o644),
      "etc/initramfs-tools/conf.d/cpbuild": ("MODULES=list\nCOMPRESS=zstd\n", 0o644),
      "etc/initramfs-tools/hooks/cpbuild": (Self.disks, 0o755),
      "etc/kernel-img.conf": ("do_symlinks = yes\nimage_dest = /\n", 0o644),
      "etc/fstab": ("UUID=\(root) / ext4 errors=remount-ro 0 1\n", 0o644),
      "etc/hosts": ("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n", 0o644),
      "boot/grub/grub.cfg": (DiskLayout.bootMenu(root: root), 0o644),
    ]
  }

  private static let aptSettings = """
    // Translated descriptions are of no use here, and recommended packages are chosen by hand.
    Acquire::Languages "none";
    APT::Install-Recommends "false";

    """

  /// The disks of all clouds; udev loads what is there. Without this an initramfs has every driver there is.
  private static let disks = """
    #!/bin/sh
    # virtio (QEMU, KVM), NVMe (AWS, GCP), SATA and IDE, Xen, Hyper-V and Azure, VMware.
    set -e
    if [ "${1:-}" = prereqs ]; then exit 0; fi
    . /usr/share/initramfs-tools/hook-functions
    manual_add_modules virtio_pci virtio_blk virtio_scsi nvme ahci ata_piix sd_mod xen-blkfront hv_storvsc vmw_pvscsi ext4

    """

  /// Folders of kernel modules that a gateway in a VM has no use for. All of netfilter, bridging, tunnels, IPsec,
  /// traffic control, and every virtual and physical network card stay.
  private static let unusedModules = [
    "arch/x86/kvm", "drivers/bluetooth", "drivers/comedi", "drivers/gpu", "drivers/iio", "drivers/infiniband",
    "drivers/isdn", "drivers/media", "drivers/net/can", "drivers/net/wireless", "drivers/net/wwan", "drivers/soundwire",
    "drivers/staging", "drivers/target", "fs/btrfs", "fs/ceph", "fs/cifs", "fs/gfs2", "fs/jfs", "fs/lockd", "fs/nfs",
    "fs/nfs_common", "fs/nfsd", "fs/ocfs2", "fs/orangefs", "fs/reiserfs", "fs/smb", "fs/xfs", "net/bluetooth",
    "net/can",
    "net/ceph", "net/mac80211", "net/nfc", "net/rds", "net/smc", "net/sunrpc", "net/tipc", "net/wireless", "sound",
  ]

  /// dpkg(1), --path-exclude. A '*' matches slashes too.
  private static var excluded: String {
    var lines = [
      "# What is left out of this system. Remove a line and reinstall the package to have its files back.",
      "path-exclude=/usr/share/doc/*",
      "# Part of the licences under which the packages may be passed on.",
      "path-include=/usr/share/doc/*/copyright",
      "path-exclude=/usr/share/man/*",
      "path-exclude=/usr/share/info/*",
      "path-exclude=/usr/share/lintian/*",
      "path-exclude=/usr/share/bug/*",
      "path-exclude=/usr/share/locale/*",
      "path-include=/usr/share/locale/locale.alias",
      "# Names of devices for people, 20 MB of them.",
      "path-exclude=/usr/lib/udev/hwdb.d/*",
      "path-exclude=/lib/udev/hwdb.d/*",
      "# Character sets of the past.",
      "path-exclude=/usr/lib/*/gconv/*",
      "path-include=/usr/lib/*/gconv/gconv-modules*",
      "path-include=/usr/lib/*/gconv/UTF-*.so",
      "path-include=/usr/lib/*/gconv/ISO8859-1.so",
      "path-include=/usr/lib/*/gconv/ISO8859-15.so",
      "# Drivers and filesystems of other machines.",
    ]
    for folder in unusedModules {
      lines += ["", "/usr"].map { "path-exclude=\($0)/lib/modules/*/kernel/\(folder)/*" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The same exactly when all of this is.
  var digest: Digest {
    var hasher = Digest.Hasher()
    hasher.update("content \(Self.version)\n\(sources)")
    for (name, file) in files.sorted(by: { $0.key < $1.key }) {
      hasher.update("\(name) \(file.mode) \(file.text.utf8.count)\n\(file.text)")
    }
    return hasher.finish()
  }
}
