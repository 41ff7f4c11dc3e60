import CLinux
import Foundation
import Glibc
import Host
import State
import SystemPackage

/// One start of an instance.
struct LocalInstanceStart: Sendable {
  let plan: InstancePlan
  let parts: LocalInstanceParts
  let images: LocalInstanceImages

  /// How long QEMU may take until it says that the machine runs; on an idle machine that is a tenth of a second.
  private static let patience = Duration.seconds(30)

  func run() async throws -> ProcessIdentity {
    // Whoever ran before left a record, or was killed before it was written.
    try await parts.process.stop()
    async let accelerator = Accelerator.probe(
      cache: Accelerator.memory(inCache: images.home.path.appending("cache")))
    let image = try await images.prepare(plan.image)
    try await makeDisk(image)
    let machine = LocalInstanceMachine(
      name: plan.name, uuid: Self.uuid(of: parts.space), flavor: plan.flavor, mac: plan.mac, boot: image.boot,
      hasEarlyInit: image.hasEarlyInit, accelerator: try await accelerator)
    let process = try start(machine)
    do {
      try await waitUntilItRuns()
    } catch {
      let failure = failure(error)
      // Also where this task was cancelled.
      await Task { try? await parts.process.stop(grace: .zero) }.value
      throw failure
    }
    return process
  }

  /// What the instance changes, over the image's disk; as large as the flavor says.
  private func makeDisk(_ image: LocalInstanceImages.Prepared) async throws {
    let size = diskSize
    guard image.size <= size else {
      throw LocalInstanceError.diskTooSmall(
        flavor: plan.flavor.name, disk: size, image: plan.image.id, needs: image.size)
    }
    try Folder.remove(parts.disk)
    try await Command("qemu-img", ["create", "-q", "-f", "qcow2", parts.disk.string, "\(size)"]).run()
    guard chmod(parts.disk.string, 0o600) == 0 else {
      throw HostError.file(doing: "protect", path: parts.disk, errno: errno)
    }
  }

  private var diskSize: UInt64 { UInt64(clamping: plan.flavor.disk) << 30 }

  private func start(_ machine: LocalInstanceMachine) throws -> ProcessIdentity {
    let files = try open(machine)
    let user = geteuid() == 0 ? LocalInstanceUser(network: plan.network, home: images.home) : nil
    // The overlay's own tables, and what the console may have at the very most.
    let largest = diskSize + diskSize / 8 + (64 << 20)
    let process = try parts.process.start(
      "qemu-system-x86_64", machine.arguments, prefix: LocalInstanceMachine.prefix(user: user, largestFile: largest),
      descriptors: files.map(\.descriptor))
    return process
  }

  /// In the order of ``LocalInstanceMachine/File``.
  private func open(_ machine: LocalInstanceMachine) throws -> [OpenFile] {
    try LocalInstanceMachine.File.allCases.compactMap { file in
      switch file {
      case .tap: try openTap()
      case .disk: try OpenFile(parts.disk, O_RDWR)
      case .base: try OpenFile(images.disk(of: plan.image), O_RDONLY)
      case .console: try parts.console.begin()
      case .control: try listen(parts.control)
      case .events: try listen(parts.space.events)
      case .kernel: machine.boot == .bootloader ? nil : try OpenFile(images.kernel(of: plan.image), O_RDONLY)
      case .initramfs:
        if case .initramfs = machine.boot { try OpenFile(images.initramfs(of: plan.image), O_RDONLY) } else { nil }
      }
    }
  }

  private func openTap() throws -> OpenFile {
    let tap = cpbuild_open_tap(parts.space.namespacePath.string, NetworkSpace.instancePort)
    guard tap >= 0 else { throw LocalInstanceError.noDevice(network: plan.network, errno: -tap) }
    return OpenFile(owning: tap)
  }

  private func listen(_ path: FilePath) throws -> OpenFile {
    let socket = cpbuild_listen(path.string)
    guard socket >= 0 else { throw HostError.file(doing: "listen at", path: path, errno: -socket) }
    return OpenFile(owning: socket)
  }

  private func waitUntilItRuns() async throws {
    let deadline = ContinuousClock.now + Self.patience
    var status = ""
    while status != "running" {
      status = try await parts.status(deadline: deadline)
      guard ContinuousClock.now < deadline else {
        throw LocalInstanceError.monitor(socket: parts.control, reason: "the machine is \(status)")
      }
      if status != "running" { try await Task.sleep(for: .milliseconds(20)) }
    }
  }

  private func failure(_ error: any Error) -> any Error {
    guard case LocalInstanceError.monitor(_, let reason) = error else { return error }
    let ended = !parts.process.isRunning
    return LocalInstanceError.notStarted(
      network: plan.network, reason: ended ? "QEMU ended at once" : "QEMU doesn't answer: \(reason)",
      log: parts.process.logTail(), console: parts.console.text(limit: 4096))
  }

  /// The same for every boot of the network's instance: RFC 9562, version 8.
  private static func uuid(of space: NetworkSpace) -> UUID {
    var bytes = Array(Digest.sha256("\(space.home.path)\u{0}\(space.id)").bytes.suffix(16))
    bytes[6] = bytes[6] & 0x0f | 0x80
    bytes[8] = bytes[8] & 0x3f | 0x80
    return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
  }
}
