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

  private static let quitGrace = Duration.seconds(2)

  /// - Throws: ``LocalInstanceError/monitor(socket:reason:)``; `CancellationError`.
  func status(deadline: ContinuousClock.Instant) async throws -> String {
    let monitor = try await LocalInstanceMonitor.connect(to: control, deadline: deadline)
    return try await monitor.execute("query-status", deadline: deadline)["status"] as? String ?? "unknown"
  }

  /// Ends QEMU, whatever it takes, and the guest with it. Its disk begins anew with the next boot, so that there is nothing
  /// for it to put in order; and no program in the image would hear a power button that is pressed.
  func end() async throws {
    if process.isRunning { try await quit() }
    try await process.stop(grace: .seconds(2))
  }

  /// One that doesn't listen is ended in another way.
  private func quit() async throws {
    let deadline = ContinuousClock.now + Self.quitGrace
    do {
      let monitor = try await LocalInstanceMonitor.connect(to: control, deadline: deadline)
      try await monitor.execute("quit", deadline: deadline)
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
