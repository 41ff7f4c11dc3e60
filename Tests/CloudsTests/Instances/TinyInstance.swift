import Clouds
import Foundation
import Host
import Names
import State
import SystemPackage
import Testing

/// An image whose kernel has 87 bytes, in a network of its own that is nothing but a namespace and a tap device. What a
/// real image does in a real network is seen end to end. Needs root.
struct TinyInstance: Sendable {
  let folder: FilePath
  let home: Home
  let space: NetworkSpace
  let image: InstanceImage
  var instances: LocalInstances { LocalInstances(home: home) }
  var id: NetworkID { space.id }

  /// Runs `body`, and ends the instance whatever happens.
  static func with(
    kernel: [UInt8] = kernel, _ body: (TinyInstance) async throws -> Void
  ) async throws {
    let folder = try Folder.makeTemporary("cpbuild-tiny")
    defer { try? Folder.remove(folder) }
    let id = NetworkID(project: try ProjectID("tiny"), name: .standard)
    let home = Home(folder.appending("home"))
    let space = NetworkSpace(home: home, id: id)
    let disk = try await disk(kernel: kernel, in: folder)
    let image = InstanceImage(
      id: "ami-00000000000000001", disk: disk, sha256: try Digest.ofFile(disk).hex, kernel: "/boot/vmlinuz-1",
      initramfs: nil)
    let tiny = TinyInstance(folder: folder, home: home, space: space, image: image)
    let outcome: Result<Void, any Error>
    do {
      try await tiny.makeNetwork()
      try await body(tiny)
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    try? await tiny.instances.remove(id)
    _ = try? await Command("ip", ["netns", "delete", space.namespace]).output()
    try outcome.get()
  }

  func plan(flavor: Flavor = Flavor(name: "tiny", processors: 1, memory: 32, disk: 1)) throws -> InstancePlan {
    InstancePlan(
      network: id, name: "tiny-vpn", image: image, flavor: flavor, address: try IPv4Address("10.9.0.2"),
      mac: try MACAddress("fa:16:3e:00:00:01"), securityGroup: SecurityGroup(name: "tiny-vpn", rules: []),
      keyPair: CloudKeyPair(name: "tiny-vpn", publicKey: ""), payload: Data(), crl: folder.appending("crl.pem"))
  }

  func boot() async throws -> ProcessIdentity {
    let handle = try await instances.boot(try plan(), in: space)
    let pid = try #require(handle["pid"].flatMap { pid_t($0) })
    return try #require(ProcessIdentity(pid: pid))
  }

  private func makeNetwork() async throws {
    let name = space.namespace
    try await Command("ip", ["netns", "add", name]).run()
    try await Command("ip", ["-n", name, "tuntap", "add", "dev", NetworkSpace.instancePort, "mode", "tap"]).run()
    try await Command("ip", ["-n", name, "link", "set", NetworkSpace.instancePort, "up"]).run()
  }

  /// A qcow2 with one partition, and on it what a system is known by.
  private static func disk(kernel: [UInt8], in folder: FilePath) async throws -> FilePath {
    let root = folder.appending("root")
    for name in ["boot", "etc", "usr/lib/modules/1"] { try Folder.make(root.appending(name)) }
    try Folder.make(root)
    try FileManager.default.createSymbolicLink(
      atPath: root.appending("lib").string, withDestinationPath: "usr/lib")
    try AtomicFile.write(kernel, to: root.appending("boot/vmlinuz-1"))
    try AtomicFile.write("ID=tiny\n", to: root.appending("etc/os-release"))
    let modules = root.appending("usr/lib/modules/1/modules.builtin")
    try AtomicFile.write("kernel/drivers/nvme/host/nvme.ko\nkernel/fs/ext4/ext4.ko\n", to: modules)
    let raw = folder.appending("tiny.raw")
    try await Command("truncate", ["--size=6M", raw.string]).run()
    try await Command("sh", ["-c", "echo 'start=2048' | sfdisk --quiet \"$1\"", "sh", raw.string]).run()
    try await Command(
      "mke2fs", ["-q", "-F", "-t", "ext4", "-E", "offset=1048576", "-d", root.string, raw.string, "4M"]
    ).run()
    let disk = folder.appending("disk.qcow2")
    try await Command("qemu-img", ["convert", "-O", "qcow2", "-c", raw.string, disk.string]).run()
    return disk
  }

  /// Says "tiny guest" on the serial port, resets the machine the first time that it runs, and then rests. To be loaded at
  /// 1 MiB by its Multiboot 1 header; what `as --32` and `ld -m elf_i386 --oformat binary -Ttext 0x100000` make of:
  /// ```
  ///         .globl _start
  /// _start:
  /// header: .long 0x1badb002, 0x10000, -0x1badb002 - 0x10000
  ///         .long header, header, 0, 0, entry
  /// entry:  mov $text, %esi
  ///         mov $0x3f8, %dx
  /// say:    lodsb
  ///         out %al, %dx
  ///         test %al, %al
  ///         jnz say
  ///         mov $0x40, %al        # a byte of the clock's memory, which outlives a reset
  ///         out %al, $0x70
  ///         in $0x71, %al
  ///         cmp $42, %al
  ///         je rest
  ///         mov $0x40, %al
  ///         out %al, $0x70
  ///         mov $42, %al
  ///         out %al, $0x71
  ///         mov $6, %al           # the chipset's reset register
  ///         mov $0xcf9, %dx
  ///         out %al, %dx
  /// rest:   hlt
  ///         jmp rest
  /// text:   .asciz "tiny guest\n"
  /// ```
  static let kernel: [UInt8] = [
    0x02, 0xb0, 0xad, 0x1b, 0x00, 0x00, 0x01, 0x00, 0xfe, 0x4f, 0x51, 0xe4, 0x00, 0x00, 0x10, 0x00,
    0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x10, 0x00,
    0xbe, 0x4b, 0x00, 0x10, 0x00, 0x66, 0xba, 0xf8, 0x03, 0xac, 0xee, 0x84, 0xc0, 0x75, 0xfa, 0xb0,
    0x40, 0xe6, 0x70, 0xe4, 0x71, 0x3c, 0x2a, 0x74, 0x0f, 0xb0, 0x40, 0xe6, 0x70, 0xb0, 0x2a, 0xe6,
    0x71, 0xb0, 0x06, 0x66, 0xba, 0xf9, 0x0c, 0xee, 0xf4, 0xeb, 0xfd, 0x74, 0x69, 0x6e, 0x79, 0x20,
    0x67, 0x75, 0x65, 0x73, 0x74, 0x0a, 0x00,
  ]
}
