import CLinux
import Foundation
import Glibc
import Host
import SystemPackage

/// Boots a machine up to where it waits to be told who it is, and saves it. It is told nothing of any project.
struct StateSaving: Sendable {
  let machine: LocalInstanceMachine
  let images: LocalInstanceImages
  let image: InstanceImage
  /// Where it is saved.
  let state: SavedState

  /// What the image says when it may be saved.
  private static let paused = "cloudpipe: paused"
  /// How long a boot up to there may take: half a minute under emulation on a busy machine.
  private static let patience = Duration.seconds(180)

  static func process(in folder: FilePath) -> BackgroundProcess { BackgroundProcess(name: "qemu", folder: folder) }
  private var process: BackgroundProcess { Self.process(in: state.folder) }
  private var console: LocalInstanceConsole { LocalInstanceConsole(file: state.folder.appending("console.log")) }
  private var control: FilePath { state.folder.appending("qemu.sock") }

  /// - Throws: ``LocalInstanceError``, ``HostError``; `CancellationError`.
  func run() async throws {
    try Folder.make(state.folder, mode: 0o700)
    let size = UInt64(clamping: machine.flavor.disk) << 30
    try await Command("qemu-img", ["create", "-q", "-f", "qcow2", state.disk.string, "\(size)"]).run()
    guard chmod(state.disk.string, 0o600) == 0 else {
      throw HostError.file(doing: "protect", path: state.disk, errno: errno)
    }
    let user = geteuid() == 0 ? LocalInstanceUser(name: state.folder.string, home: images.home) : nil
    let memory = try OpenFile.memory(of: machine.flavor, user: user)
    // Ends with this process, however that ends: a thread that lives for as long as the machine is its parent.
    let starter = Starter()
    defer { starter.end() }
    try await starter.start(
      process, machine, prefix: LocalInstanceMachine.prefix(user: user, largestFile: size + size / 8, isBound: true),
      files: try open(memory, user))
    do {
      try await save()
    } catch {
      await Task { try? await process.stop(grace: .zero) }.value
      throw error
    }
    try await process.stop(grace: .seconds(2))
    try keep(memory)
  }

  /// In the order of the machine's ``LocalInstanceMachine/files``.
  private func open(_ memory: OpenFile, _ user: LocalInstanceUser?) throws -> [OpenFile] {
    try machine.files.compactMap { file in
      switch file {
      case .events: nil
      case .tap: try OpenFile.tap(NetworkSpace.instancePort)
      case .disk: try OpenFile(state.disk, O_RDWR)
      case .base: try OpenFile(images.disk(of: image), O_RDONLY)
      case .console: try console.begin()
      case .control:
        switch cpbuild_listen(control.string) {
        case let socket where socket >= 0: OpenFile(owning: socket)
        case let code: throw HostError.file(doing: "listen at", path: control, errno: -code)
        }
      case .kernel: try OpenFile(images.kernel(of: image), O_RDONLY)
      case .initramfs: try OpenFile(images.initramfs(of: image), O_RDONLY)
      case .memory: memory
      case .identity: try MachineIdentity.open(nil, user: user)
      }
    }
  }

  private func save() async throws {
    let deadline = ContinuousClock.now + Self.patience
    while !console.text().contains(Self.paused) {
      guard process.isRunning else { throw failure("QEMU ended: \(process.logTail())") }
      guard ContinuousClock.now < deadline else { throw failure("it never paused\n\(console.text(limit: 2048))") }
      try await Task.sleep(for: .milliseconds(50))
    }
    let monitor = try await LocalInstanceMonitor.connect(to: control, deadline: deadline)
    try await monitor.execute("stop", deadline: deadline)
    try await monitor.leaveOutMemory(deadline: deadline)
    let devices = try OpenFile(state.devices, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
    try await monitor.give(devices, as: "state", deadline: deadline)
    try await monitor.execute("migrate", ["uri": "fd:state"], deadline: deadline)
    while true {
      let answer = try await monitor.execute("query-migrate", deadline: deadline)
      let status = answer["status"] as? String ?? "unknown"
      if status == "completed" { return }
      guard ["none", "setup", "active", "device"].contains(status), ContinuousClock.now < deadline else {
        throw failure("QEMU says: \(status) \(answer["error-desc"] as? String ?? "")")
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  private func keep(_ memory: OpenFile) throws {
    let file = try OpenFile(state.memory, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
    try SavedState.copy(memory, to: file, state.memory)
    try console.remove()
    for path in [control, process.log] { try Folder.remove(path) }
    for path in [state.memory, state.devices, state.disk] { try AtomicFile.flush(path) }
  }

  private func failure(_ reason: String) -> LocalInstanceError { .notSaved(image: image.id, reason: reason) }
}

/// A thread of its own that starts a process. The kernel takes it for the process's parent, and tells the process of its end
/// (PR_SET_PDEATHSIG of prctl(2)); the threads of the pool come and go.
private actor Starter {
  private let executor = ThreadExecutor(name: "saving")
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  func start(
    _ process: BackgroundProcess, _ machine: LocalInstanceMachine, prefix: [String], files: [OpenFile]
  ) throws {
    // An array goes after its last use, and the files with it.
    _ = try withExtendedLifetime(files) {
      try process.start(
        LocalInstanceMachine.program, machine.arguments, prefix: prefix, descriptors: files.map(\.descriptor))
    }
  }

  nonisolated func end() { executor.end() }
}
