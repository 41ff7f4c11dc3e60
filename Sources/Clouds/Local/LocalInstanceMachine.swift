import Foundation
import Host
import Names
import SystemPackage

/// The virtual machine of an instance, as QEMU's command line says it.
///
/// QEMU opens nothing by itself but its firmware: it is started with its files open and no rights of its own.
struct LocalInstanceMachine: Sendable {
  let name: String
  let uuid: UUID
  let flavor: Flavor
  let mac: MACAddress
  let boot: LocalInstanceBoot
  /// Whether the image has the program that brings up the VPN before its ordinary init.
  let hasEarlyInit: Bool
  let accelerator: Accelerator

  /// QEMU's open files, from descriptor 3 on.
  enum File: CInt, CaseIterable {
    case tap = 3
    case disk, base, console, control, events, kernel, initramfs
  }

  /// Megabytes of translated code under TCG. More brings nothing but memory to a guest that does one thing all day.
  private static let translationBuffer = 64

  /// Without the program's own name.
  var arguments: [String] {
    ["-name", "guest=\(name),process=cloudpipe", "-uuid", uuid.uuidString.lowercased()]
      + ["-nodefaults", "-no-user-config", "-display", "none", "-msg", "timestamp=on"]
      + [
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-machine", "q35,usb=off,vmport=off,smbus=off,hpet=off",
      ] + processor + disks + network
      + [
        "-object", "rng-random,id=entropy,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=entropy",
        "-rtc", "base=utc,clock=host",
      ] + conversations + start
  }

  private var processor: [String] {
    let memory = ["-smp", "\(flavor.processors)", "-m", "\(flavor.memory)"]
    switch accelerator {
    case .kvm: return ["-accel", "kvm", "-cpu", "host"] + memory
    case .tcg: return ["-accel", "tcg,tb-size=\(Self.translationBuffer)", "-cpu", "qemu64"] + memory
    }
  }

  /// Both files in one set of descriptors each (qemu-options, -add-fd). The disk begins anew with each boot, so that
  /// nothing is gained from flushing it to the host's.
  private var disks: [String] {
    let device = boot.bus == .nvme ? "nvme,serial=cloudpipe,drive=disk" : "virtio-blk-pci,drive=disk"
    return [
      "-add-fd", "fd=\(File.disk.rawValue),set=1", "-add-fd", "fd=\(File.base.rawValue),set=2",
      "-blockdev", "driver=file,node-name=base-file,filename=/dev/fdset/2,read-only=on,auto-read-only=off",
      "-blockdev", "driver=raw,node-name=base,file=base-file,read-only=on",
      "-blockdev", "driver=file,node-name=disk-file,filename=/dev/fdset/1,cache.no-flush=on",
      "-blockdev", "driver=qcow2,node-name=disk,file=disk-file,backing=base,cache.no-flush=on",
      "-device", device,
    ]
  }

  private var network: [String] {
    [
      "-netdev", "tap,id=net,fd=\(File.tap.rawValue),vhost=off",
      // Without a link state to make up its mind about, the guest's driver has the link up at once.
      "-device", "virtio-net-pci,netdev=net,mac=\(mac),romfile=,status=off",
    ]
  }

  private var conversations: [String] {
    [
      "-add-fd", "fd=\(File.console.rawValue),set=3", "-chardev", "file,id=console,path=/dev/fdset/3,append=on",
      "-serial", "chardev:console",
      "-chardev", "socket,id=control,fd=\(File.control.rawValue),server=on,wait=off",
      "-mon", "chardev=control,mode=control",
      "-chardev", "socket,id=events,fd=\(File.events.rawValue),server=on,wait=off",
      "-mon", "chardev=events,mode=control",
    ]
  }

  private var start: [String] {
    guard let root = boot.root else { return [] }
    var arguments = ["-kernel", "/dev/fd/\(File.kernel.rawValue)"]
    if case .initramfs = boot { arguments += ["-initrd", "/dev/fd/\(File.initramfs.rawValue)"] }
    return arguments + ["-append", Self.commandLine(root: root, hasEarlyInit: hasEarlyInit, accelerator: accelerator)]
  }

  /// A kernel that panics starts again after five seconds, like any machine that is out of reach.
  static func commandLine(root: String, hasEarlyInit: Bool, accelerator: Accelerator) -> String {
    // The disk is new and needs no check, so that it can be written from the start.
    var words = ["root=\(root)", "rw", "console=ttyS0,115200n8", "panic=5"]
    if hasEarlyInit { words.append("init=/sbin/cloudpipe-init") }
    // An emulated processor doesn't speculate, so that what guards against it only costs.
    if case .tcg = accelerator { words += ["mitigations=off", "no_timer_check", "tsc=reliable"] }
    return words.joined(separator: " ")
  }

  /// Programs that become QEMU: limits first, then no network and no rights.
  ///
  /// - Parameters:
  ///   - user: nil when this process can't change to another.
  ///   - largestFile: no file may grow beyond it, in bytes.
  static func prefix(user: LocalInstanceUser?, largestFile: UInt64) -> [String] {
    let limits = ["prlimit", "--core=0", "--fsize=\(largestFile)", "--nofile=256", "--"]
    // A write beyond the limit fails instead of ending QEMU.
    let tolerant = ["env", "--ignore-signal=XFSZ", "--"]
    guard let user else { return limits + tolerant + ["setpriv", "--no-new-privs", "--"] }
    return limits + tolerant + ["unshare", "--net", "--ipc", "--uts", "--"]
      + [
        "setpriv", "--reuid", "\(user.id)", "--regid", "\(user.id)", "--clear-groups", "--inh-caps", "-all",
        "--ambient-caps", "-all", "--bounding-set", "-all", "--no-new-privs", "--",
      ]
  }
}
