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

  /// What came of it.
  struct Outcome: Sendable {
    let process: ProcessIdentity
    let isWarm: Bool
    /// Why it isn't, where that was asked for.
    var obstacle: String?
  }

  func run() async throws -> Outcome {
    // Whoever ran before left a record, or was killed before it was written.
    try await parts.process.stop()
    async let accelerator = Accelerator.probe(
      cache: Accelerator.memory(inCache: images.home.path.appending("cache")))
    let image = try await images.prepare(plan.image)
    let machine = LocalInstanceMachine(
      name: plan.name, uuid: Self.uuid(of: parts.space), flavor: plan.flavor, mac: plan.mac, boot: image.boot,
      hasEarlyInit: image.hasEarlyInit, accelerator: try await accelerator)
    try checkSize(of: image)
    let states = SavedStates(images: images, image: plan.image)
    guard plan.startsWarm else {
      try? await states.sweepIfIdle()
      return Outcome(process: try await cold(machine), isWarm: false)
    }
    do {
      guard let boot = image.resumable else {
        throw LocalInstanceError.notSaved(
          image: plan.image.id, reason: "it doesn't wait in its boot, or its kernel has no qemu_fw_cfg")
      }
      var resuming = machine
      (resuming.boot, resuming.beginning) = (boot, .resume)
      let process = try await WarmStart(start: self, machine: resuming, states: states).run()
      return Outcome(process: process, isWarm: true)
    } catch {
      try Task.checkCancellation()
      return Outcome(process: try await cold(machine), isWarm: false, obstacle: "\(error)")
    }
  }

  private func cold(_ machine: LocalInstanceMachine) async throws -> ProcessIdentity {
    try await makeDisk()
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

  private func checkSize(of image: LocalInstanceImages.Prepared) throws {
    guard image.size <= diskSize else {
      throw LocalInstanceError.diskTooSmall(
        flavor: plan.flavor.name, disk: diskSize, image: plan.image.id, needs: image.size)
    }
  }

  /// What the instance changes, over the image's disk; as large as the flavor says.
  private func makeDisk() async throws {
    try Folder.remove(parts.disk)
    try await Command("qemu-img", ["create", "-q", "-f", "qcow2", parts.disk.string, "\(diskSize)"]).run()
    guard chmod(parts.disk.string, 0o600) == 0 else {
      throw HostError.file(doing: "protect", path: parts.disk, errno: errno)
    }
  }

  private var diskSize: UInt64 { UInt64(clamping: plan.flavor.disk) << 30 }

  /// Whom QEMU runs as; nil when this process can't change to another user.
  var user: LocalInstanceUser? {
    geteuid() == 0 ? LocalInstanceUser(network: plan.network, home: images.home) : nil
  }

  /// - Parameter memory: the machine's, where that is a file.
  func start(_ machine: LocalInstanceMachine, memory: OpenFile? = nil) throws -> ProcessIdentity {
    let files = try open(machine, memory)
    // The overlay's own tables, and what the console may have at the very most.
    let largest = diskSize + diskSize / 8 + (64 << 20)
    // An array goes after its last use, and the files with it.
    return try withExtendedLifetime(files) {
      try parts.process.start(
        LocalInstanceMachine.program, machine.arguments,
        prefix: LocalInstanceMachine.prefix(user: user, largestFile: largest), descriptors: files.map(\.descriptor))
    }
  }

  /// In the order of ``LocalInstanceMachine/files``.
  private func open(_ machine: LocalInstanceMachine, _ memory: OpenFile?) throws -> [OpenFile] {
    try machine.files.compactMap { file in
      switch file {
      case .tap: try openTap()
      case .identity: try MachineIdentity.open(machine.mac, user: user)
      case .disk: try OpenFile(parts.disk, O_RDWR)
      case .base: try OpenFile(images.disk(of: plan.image), O_RDONLY)
      case .console: try parts.console.begin()
      case .control: try listen(parts.control)
      case .events: try listen(parts.space.events)
      case .kernel: try OpenFile(images.kernel(of: plan.image), O_RDONLY)
      case .initramfs: try OpenFile(images.initramfs(of: plan.image), O_RDONLY)
      case .memory: memory
      }
    }
  }

  private func openTap() throws -> OpenFile {
    do {
      return try OpenFile.tap(NetworkSpace.instancePort, in: parts.space.namespacePath)
    } catch HostError.file(_, _, let code) {
      throw LocalInstanceError.noDevice(network: plan.network, errno: code)
    }
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
