import Foundation
import Host
import Names
import SystemPackage

/// The virtual machine of an instance, as QEMU's command line says it.
///
/// QEMU opens nothing by itself but its firmware: it is started with its files open and no rights of its own.
struct LocalInstanceMachine: Sendable {
  var name: String
  let uuid: UUID
  let flavor: Flavor
  let mac: MACAddress
  var boot: LocalInstanceBoot
  /// Whether the image has the program that brings up the VPN before its ordinary init.
  let hasEarlyInit: Bool
  let accelerator: Accelerator
  /// What it starts as.
  var beginning = Beginning.boot

  enum Beginning: Hashable, Sendable {
    case boot
    /// Boots as far as all machines of an image and flavor are the same, to be saved then.
    case pause
    /// Goes on from where such a one was saved, once it is told that state over the monitor. Who it is, its guest then learns.
    case resume
  }

  /// QEMU's open files.
  enum File: CaseIterable {
    case tap, disk, base, console, control, events, kernel, initramfs, memory, identity
  }

  /// Those that this machine needs, which are QEMU's from descriptor 3 on.
  var files: [File] {
    File.allCases.filter { file in
      switch file {
      case .events: beginning != .pause
      case .tap, .disk, .base, .console, .control: true
      case .kernel: boot != .bootloader
      case .initramfs: if case .initramfs = boot { true } else { false }
      case .memory, .identity: beginning != .boot
      }
    }
  }

  private func descriptor(of file: File) -> Int { 3 + (files.firstIndex(of: file) ?? files.count) }

  /// The one whose saved state this one resumes, or would; the same for all of an image and flavor.
  var pausing: LocalInstanceMachine {
    var machine = self
    (machine.name, machine.beginning) = ("saved", .pause)
    return machine
  }

  /// Megabytes of translated code under TCG. More brings nothing but memory to a guest that does one thing all day.
  private static let translationBuffer = 64

  static let program = "qemu-system-x86_64"

  /// Without the program's own name.
  var arguments: [String] {
    identity + ["-nodefaults", "-no-user-config", "-display", "none", "-msg", "timestamp=on"]
      + [
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-machine", "q35,usb=off,vmport=off,smbus=off,hpet=off" + (beginning == .boot ? "" : ",memory-backend=memory"),
      ] + processor + disks + network
      + [
        "-object", "rng-random,id=entropy,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=entropy",
        // Memory that the guest has no use for any more is the host's again.
        "-device", "virtio-balloon-pci,free-page-reporting=on",
        "-rtc", "base=utc,clock=host",
      ] + conversations + start
  }

  /// A machine that is saved has no UUID: what its system made of that would be the same in all that resume it.
  private var identity: [String] {
    var arguments = ["-name", "guest=\(name),process=cloudpipe"]
    if beginning != .pause { arguments += ["-uuid", uuid.uuidString.lowercased()] }
    if beginning != .boot {
      arguments += ["-fw_cfg", "name=\(MachineIdentity.name),file=/dev/fd/\(descriptor(of: .identity))"]
    }
    return arguments
  }

  private var processor: [String] {
    var memory = ["-smp", "\(flavor.processors)", "-m", "\(flavor.memory)"]
    if beginning != .boot {
      let file = "mem-path=/dev/fd/\(descriptor(of: .memory)),share=on"
      memory += ["-object", "memory-backend-file,id=memory,size=\(flavor.memory)M,\(file)"]
    }
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
      "-add-fd", "fd=\(descriptor(of: .disk)),set=1", "-add-fd", "fd=\(descriptor(of: .base)),set=2",
      "-blockdev", "driver=file,node-name=base-file,filename=/dev/fdset/2,read-only=on,auto-read-only=off",
      "-blockdev", "driver=raw,node-name=base,file=base-file,read-only=on",
      "-blockdev", "driver=file,node-name=disk-file,filename=/dev/fdset/1,cache.no-flush=on",
      "-blockdev", "driver=qcow2,node-name=disk,file=disk-file,backing=base,cache.no-flush=on",
      "-device", device,
    ]
  }

  private var network: [String] {
    // One that resumes has the saved one's address until its guest gives the card its own.
    let mac = beginning == .pause ? Self.nobody : "\(mac)"
    return [
      "-netdev", "tap,id=net,fd=\(descriptor(of: .tap)),vhost=off",
      // Without a link state to make up its mind about, the guest's driver has the link up at once.
      "-device", "virtio-net-pci,netdev=net,mac=\(mac),romfile=,status=off",
    ]
  }

  /// The address of a machine that is saved.
  private static let nobody = "fa:16:3e:00:00:00"

  private var conversations: [String] {
    let events = [
      "-chardev", "socket,id=events,fd=\(descriptor(of: .events)),server=on,wait=off",
      "-mon", "chardev=events,mode=control",
    ]
    return [
      "-add-fd", "fd=\(descriptor(of: .console)),set=3", "-chardev", "file,id=console,path=/dev/fdset/3,append=on",
      "-serial", "chardev:console",
      "-chardev", "socket,id=control,fd=\(descriptor(of: .control)),server=on,wait=off",
      "-mon", "chardev=control,mode=control",
    ] + (beginning == .pause ? [] : events)
  }

  private var start: [String] {
    guard let root = boot.root else { return [] }
    var arguments = ["-kernel", "/dev/fd/\(descriptor(of: .kernel))"]
    if case .initramfs = boot { arguments += ["-initrd", "/dev/fd/\(descriptor(of: .initramfs))"] }
    var words = Self.commandLine(root: root, hasEarlyInit: hasEarlyInit, accelerator: accelerator)
    // Also of one that resumes: booted from inside, it finds its network card in place, and waits for nothing.
    if beginning != .boot { words += " cloudpipe.pause" }
    return arguments + ["-append", words] + (beginning == .resume ? ["-incoming", "defer"] : [])
  }

  /// A kernel that panics starts again after five seconds, like any machine that is out of reach.
  static func commandLine(root: String, hasEarlyInit: Bool, accelerator: Accelerator) -> String {
    // The disk is new and needs no check, so that it can be written from the start.
    var words = ["root=\(root)", "rw", "console=ttyS0,115200n8", "panic=5"]
    if hasEarlyInit { words.append("init=/sbin/cloudpipe-init") }
    // An emulated processor doesn't speculate, so that what guards against it only costs.
    if case .tcg = accelerator { words += ["mitigations=off", "no_timer_check", "tsc=reliable", "cloudpipe.emulated"] }
    return words.joined(separator: " ")
  }

  /// Programs that become QEMU: limits first, then no network and no rights.
  ///
  /// - Parameters:
  ///   - user: nil when this process can't change to another.
  ///   - largestFile: no file may grow beyond it, in bytes.
  ///   - isBound: it ends with the thread that starts it.
  static func prefix(user: LocalInstanceUser?, largestFile: UInt64, isBound: Bool = false) -> [String] {
    let death = isBound ? ["--pdeathsig", "KILL"] : []
    let limits = ["prlimit", "--core=0", "--fsize=\(largestFile)", "--nofile=256", "--"]
    // A write beyond the limit fails instead of ending QEMU.
    let tolerant = ["env", "--ignore-signal=XFSZ", "--"]
    guard let user else { return limits + tolerant + ["setpriv"] + death + ["--no-new-privs", "--"] }
    return limits + tolerant + ["unshare", "--net", "--ipc", "--uts", "--"]
      + [
        "setpriv", "--reuid", "\(user.id)", "--regid", "\(user.id)", "--clear-groups", "--inh-caps", "-all",
        "--ambient-caps", "-all", "--bounding-set", "-all", "--no-new-privs",
      ] + death + ["--"]
  }
}
