import Foundation
import Glibc
import Host
import State
import SystemPackage

/// What an instance consists of on this machine.
struct LocalInstanceParts: Sendable {
  let space: NetworkSpace

  var process: BackgroundProcess { BackgroundProcess(name: "qemu", folder: space.folder) }
  var console: LocalInstanceConsole { LocalInstanceConsole(file: space.console) }
  /// What the instance changed on its disk.
  var disk: FilePath { space.folder.appending("disk.qcow2") }
  /// QEMU's monitor, for root alone.
  var control: FilePath { space.folder.appending("qemu.sock") }
  var lock: FilePath { space.folder.appending("instance.lock") }

  /// How long the guest has to shut down, and QEMU to quit.
  private static let guestGrace = Duration.seconds(3)
  private static let quitGrace = Duration.seconds(2)

  /// - Throws: ``LocalInstanceError/monitor(socket:reason:)``; `CancellationError`.
  func status(deadline: ContinuousClock.Instant) async throws -> String {
    let monitor = try await LocalInstanceMonitor.connect(to: control, deadline: deadline)
    return try await monitor.execute("query-status", deadline: deadline)["status"] as? String ?? "unknown"
  }

  /// Ends QEMU, whatever it takes.
  func end() async throws {
    if process.isRunning {
      try await ask("system_powerdown", grace: Self.guestGrace)
      try await ask("quit", grace: Self.quitGrace)
    }
    try await process.stop(grace: .seconds(2))
  }

  /// One that doesn't listen is ended in another way.
  private func ask(_ command: String, grace: Duration) async throws {
    guard process.isRunning else { return }
    let deadline = ContinuousClock.now + grace
    do {
      let monitor = try await LocalInstanceMonitor.connect(to: control, deadline: deadline)
      try await monitor.execute(command, deadline: deadline)
    } catch is LocalInstanceError {
      return
    }
    while process.isRunning, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
  }

  func removeFiles() throws {
    for path in [disk, control, space.events, process.record, process.log] { try Folder.remove(path) }
    try console.remove()
  }
}
