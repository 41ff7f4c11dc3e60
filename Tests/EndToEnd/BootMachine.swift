import Foundation
import Host
import Synchronization
import SystemPackage
import Testing

/// An instance: QEMU with a published image's disk, which is never written, and the serial console in a file.
struct BootMachine: Sendable {
  enum Way: Sendable {
    /// As a cloud starts it: SeaBIOS, GRUB and the initramfs, from a virtio disk.
    case bootloader
    /// As a newer cloud does: UEFI firmware, whose variables are in the file at this path, instead of SeaBIOS.
    case firmware(variables: FilePath)
    /// Straight into the image's own kernel at this path, with an NVMe disk: both drivers that it takes are built in. The
    /// image's own init brings up the VPN before systemd starts.
    case kernel(FilePath)
  }

  let cloud: BootCloud
  let disk: FilePath
  let way: Way
  private let console: String
  private let milestones = Milestones()

  init(cloud: BootCloud, disk: FilePath, way: Way, name: String) {
    self.cloud = cloud
    self.disk = disk
    self.way = way
    console = "console-\(name)"
  }

  /// Runs `body` while the machine runs; says afterwards what came when.
  func running(_ body: @escaping @Sendable () async throws -> Void) async throws {
    milestones.start()
    defer { print("\(console): \(milestones)") }
    try await qemu.running(body)
  }

  /// Waits for a text on the console.
  func waits(for text: String, seconds: Double = 180) async throws {
    try await waiting(for: "'\(text)' on the console", seconds: seconds) {
      let said = said
      // Not a minute is lost on what can't come any more.
      for end in ["Kernel panic", "cloudpipe: rc.local failed"] {
        try #require(!said.contains(end), "\(said.suffix(4000))")
      }
      return said.contains(text)
    } otherwise: {
      String(said.suffix(6000)) + cloud.text("dnsmasq.log") + cloud.text("metadata.log")
    }
    milestones.reached(text)
  }

  /// All that the console said so far.
  var said: String { cloud.text(console) }

  private var qemu: Command {
    var arguments = ["-accel", "tcg,tb-size=128", "-cpu", "qemu64", "-smp", "1", "-m", "512", "-nodefaults"]
    let drive = "file=\(disk),format=qcow2,snapshot=on,if=none,id=disk"
    switch way {
    case .bootloader:
      arguments += ["-machine", "pc", "-drive", drive, "-device", "virtio-blk-pci,drive=disk,addr=5"]
    case .firmware(let variables):
      arguments += [
        "-machine", "q35", "-drive", drive, "-device", "virtio-blk-pci,drive=disk,addr=5",
        "-drive", "if=pflash,format=raw,readonly=on,file=\(UEFIFirmware.code)",
        "-drive", "if=pflash,format=raw,file=\(variables)",
      ]
    case .kernel(let kernel):
      arguments += [
        "-machine", "q35", "-drive", drive, "-device", "nvme,serial=root,drive=disk",
        "-kernel", kernel.string, "-append",
        "root=/dev/nvme0n1p3 rw console=ttyS0,115200n8 init=/sbin/cloudpipe-init",
        "-device", "virtio-rng-pci",
      ]
    }
    arguments += [
      "-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no",
      // Not where a guest's first network card usually is, so that it isn't called what it usually is.
      "-device", "virtio-net-pci,netdev=net,mac=\(BootCloud.hardwareAddress),addr=11",
      "-serial", "file:\(cloud.folder.appending(console))", "-display", "none", "-monitor", "none", "-no-reboot",
    ]
    return cloud.command("qemu-system-x86_64", arguments)
  }
}

/// Debian's and Ubuntu's build of UEFI for virtual machines, from the package ovmf.
enum UEFIFirmware {
  static let code = FilePath("/usr/share/OVMF/OVMF_CODE_4M.fd")
  private static let freshVariables = FilePath("/usr/share/OVMF/OVMF_VARS_4M.fd")

  /// A machine's own variables, in which nothing says yet what to boot.
  static func variables(in folder: FilePath) async throws -> FilePath {
    let copy = folder.appending("variables.fd")
    try await Command("cp", [freshVariables.string, copy.string]).run()
    return copy
  }
}

/// What came how many seconds after the start.
private final class Milestones: Sendable, CustomStringConvertible {
  private let state = Mutex((start: ContinuousClock.now, reached: [String]()))

  func start() { state.withLock { $0.start = .now } }

  func reached(_ what: String) {
    state.withLock { state in
      let seconds = (ContinuousClock.now - state.start) / .seconds(1)
      state.reached.append("\(what) \(String(format: "%.1f", seconds)) s")
    }
  }

  var description: String { state.withLock { $0.reached.joined(separator: "; ") } }
}
