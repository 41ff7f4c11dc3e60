import Foundation
import Host
import SystemPackage

/// Good inputs of the parsers of images, made by the programs that usually make them.
struct ImageSamples {
  static let uuid = "11111111-2222-4333-8444-555555555555"

  let qcow2: [UInt8]
  let raw: [UInt8]
  let ext4: [UInt8]
  let package: [UInt8]

  init(folder: FilePath) async throws {
    let root = folder.appending("root")
    try Folder.make(root.appending("etc/deep/deeper"))
    for (name, size) in [("etc/os-release", 100), ("etc/large", 50_000), ("etc/deep/deeper/empty", 0)] {
      try Data(repeating: 0x61, count: size).write(to: URL(filePath: root.appending(name).string))
    }
    try FileManager.default.createSymbolicLink(atPath: root.appending("link").string, withDestinationPath: "/etc")
    let disk = folder.appending("sample.raw")
    try await Command("truncate", ["--size=512K", disk.string]).run()
    let format = ["-q", "-F", "-t", "ext4", "-b", "1024", "-N", "64", "-O", "^has_journal", "-U", Self.uuid]
    try await Command("mke2fs", format + ["-d", root.string, disk.string]).run()
    var filesystem = try Self.bytes(disk)
    // A partition that begins with the disk: ext4 leaves the first 1024 bytes to others.
    filesystem[450] = 0x83
    ext4 = filesystem
    let image = folder.appending("sample.qcow2")
    try await Command("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", disk.string, image.string]).run()
    qcow2 = try Self.bytes(image)
    var table = [UInt8](repeating: 0, count: 64 << 10)
    let entry: [UInt8] = [0x80, 0, 2, 0, 0x83, 0, 2, 0, 1, 0, 0, 0, 127, 0, 0, 0]
    table.replaceSubrange(446..<462, with: entry)
    table.replaceSubrange(510..<512, with: [0x55, 0xaa])
    raw = table
    package = try await Self.package(in: folder)
  }

  private static func package(in folder: FilePath) async throws -> [UInt8] {
    let script = """
      cd "$1" && mkdir deb && cd deb && echo 2.0 > debian-binary && echo 'Package: hello' > control
      tar -czf control.tar.gz control && tar -cJf data.tar.xz control
      ar -rcD ../sample.deb debian-binary control.tar.gz data.tar.xz
      """
    try await Command("sh", ["-ec", script, "sh", folder.string]).run()
    return try bytes(folder.appending("sample.deb"))
  }

  private static func bytes(_ path: FilePath) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: path.string)))
  }

  let recipe = Array(
    """
    summary: OpenVPN gateway of one project
    name: cloudpipe
    base:
      url: https://cloud.example/bookworm.qcow2
      sha256: \(String(repeating: "ab", count: 32))
    packages: [openvpn, nftables]
    overlays:
      - cloudpipe
    omit: [docs, man, locales]
    root: { size: 1 GiB, memory: 512 }
    checks:
      files: [/etc/rc.local]
      enabled: [ssh.service]
      download: 120 MiB
    """.utf8)

  let sources = [
    "deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://deb.example/debian bookworm main contrib\n",
    """
    Types: deb deb-src
    URIs: https://deb.example/debian mirror+file:/etc/apt/mirrors
    Suites: bookworm bookworm-updates
    Components: main
    Signed-By:
     -----BEGIN PGP PUBLIC KEY BLOCK-----
     .
     -----END PGP PUBLIC KEY BLOCK-----

    """,
    "http://deb.example/debian\tpriority:1\nhttps://other.example/\n",
  ].map { Array($0.utf8) }

  let status = Array(
    """
    Package: dpkg
    Status: install ok installed
    Architecture: amd64
    Version: 1.21.22
    Installed-Size: 6354
    Description: package manager
     It installs packages.

    Package: libc6
    Status: deinstall ok config-files
    Source: glibc (2.36-9)

    """.utf8)

  let transcript = Array(
    """
    Inst openvpn [2.6.3-1] (2.6.3-1+deb12u2 Debian:12.5/stable [amd64]) []
    Conf openvpn (2.6.3-1+deb12u2 Debian:12.5/stable [amd64])
    Remv nano [7.2-1]
    'http://deb.example/pool/openvpn_2.6.3_amd64.deb' openvpn_2.6.3_amd64.deb 683924 SHA256:\
    \(String(repeating: "0f", count: 32))

    """.utf8)

  let sums = Array(
    """
    \(String(repeating: "ab", count: 32))  bookworm.qcow2
    \(String(repeating: "cd", count: 64)) *./bookworm.raw
    SHA256 (noble.img) = \(String(repeating: "ef", count: 32))

    """.utf8)

  let release = Array("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian \\\"12\\\"'\n# end\n".utf8)
}
