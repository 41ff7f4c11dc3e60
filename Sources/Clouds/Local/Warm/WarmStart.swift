import CLinux
import Foundation
import Glibc
import Host
import State
import SystemPackage

/// A start of an instance from a saved state.
struct WarmStart: Sendable {
  let start: LocalInstanceStart
  /// One that resumes.
  let machine: LocalInstanceMachine
  let states: SavedStates
  private var parts: LocalInstanceParts { start.parts }

  /// How long QEMU may take to load the state.
  private static let patience = Duration.seconds(30)
  /// How long the guest may be silent then; on an idle machine under emulation it is a second.
  private static let silence = Duration.seconds(20)
  /// What each line begins with that the image says by itself; what it said when it was saved is in another file.
  private static let sign = "cloudpipe: "

  /// - Throws: ``LocalInstanceError``, ``HostError``; `CancellationError`. Nothing runs then.
  func run() async throws -> ProcessIdentity {
    let saved = try await states.open(for: machine.pausing)
    try Folder.remove(parts.disk)
    let disk = try OpenFile(parts.disk, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    try SavedState.copy(saved.disk, to: disk, parts.disk)
    let memory = try OpenFile.memory(of: machine.flavor, user: start.user)
    let process = try start.start(machine, memory: memory)
    do {
      // QEMU needs some time before it needs the memory.
      async let copied: Void = SavedState.copy(saved.memory, to: memory, "memory")
      let monitor = try await LocalInstanceMonitor.connect(to: parts.control, deadline: .now + Self.patience)
      try await copied
      try await resume(saved.devices, monitor)
      try await waitForSign()
      return process
    } catch {
      // Also where this task was cancelled.
      let log = parts.process.logTail()
      await Task { try? await parts.process.stop(grace: .zero) }.value
      guard case let failure as LocalInstanceError = error else { throw error }
      try await states.remove(for: machine.pausing)
      throw LocalInstanceError.notResumed(image: states.image.id, reason: "\(failure)\n\(log)")
    }
  }

  private func resume(_ devices: OpenFile, _ monitor: LocalInstanceMonitor) async throws {
    let deadline = ContinuousClock.now + Self.patience
    try await monitor.leaveOutMemory(deadline: deadline)
    try await monitor.give(devices, as: "state", deadline: deadline)
    try await monitor.execute("migrate-incoming", ["uri": "fd:state"], deadline: deadline)
    while case let status = try await monitor.execute("query-status", deadline: deadline)["status"] as? String,
      status != "paused"
    {
      // Before it is loaded; when it can't be, QEMU ends.
      guard status == "inmigrate", ContinuousClock.now < deadline else {
        throw LocalInstanceError.monitor(socket: monitor.socket, reason: "the machine is \(status ?? "in no state")")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    try await monitor.execute("cont", deadline: deadline)
  }

  /// A state of another processor loads, and its guest is never heard of.
  private func waitForSign() async throws {
    let deadline = ContinuousClock.now + Self.silence
    while !parts.console.text(limit: 65536).contains(Self.sign) {
      guard parts.process.isRunning, ContinuousClock.now < deadline else {
        throw LocalInstanceError.monitor(
          socket: parts.control, reason: "the guest doesn't come up\n\(parts.console.text(limit: 512))")
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}
