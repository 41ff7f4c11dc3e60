import Foundation
import Synchronization
import SystemPackage

/// When the payload is served: from the instance's boot, or its reset, until it says on its console that it has made use
/// of it, at most for ``limit``. The payload holds a private key, and nobody needs it later.
final class BootWindow: Sendable {
  static let limit = Duration.seconds(900)
  /// The last line of the guest's rc.local.
  private static let done = Data("cloudpipe: rc.local done".utf8)
  /// More of the console isn't looked at.
  private static let mostConsole: UInt64 = 1 << 20

  private struct State {
    var boot: String?
    var opened: ContinuousClock.Instant
    var consoleOffset: UInt64 = 0
    var closed = false
  }

  private let console: FilePath
  private let state = Mutex(State(opened: .now))

  init(console: FilePath) { self.console = console }

  /// The instance was reset, so it starts again at its first instruction.
  func reopen(at now: ContinuousClock.Instant = .now) {
    let size = consoleSize
    state.withLock {
      $0.opened = now
      $0.consoleOffset = size
      $0.closed = false
    }
  }

  /// - Parameter boot: the boot that the instance's folder tells of.
  func isOpen(boot: String, at now: ContinuousClock.Instant = .now) -> Bool {
    let fresh = state.withLock { state in
      defer { state.boot = boot }
      // The console of another boot begins anew.
      guard state.boot != boot else { return false }
      (state.opened, state.consoleOffset, state.closed) = (now, 0, false)
      return true
    }
    let (offset, opened, closed) = state.withLock { ($0.consoleOffset, $0.opened, $0.closed) }
    // The console may still be the last boot's when this one hasn't begun to write.
    if closed { return false }
    if now - opened > Self.limit || (!fresh && saysDone(since: offset)) {
      state.withLock { $0.closed = true }
      return false
    }
    return true
  }

  private var consoleSize: UInt64 {
    ((try? FileManager.default.attributesOfItem(atPath: console.string))?[.size] as? UInt64) ?? 0
  }

  private func saysDone(since offset: UInt64) -> Bool {
    guard let handle = FileHandle(forReadingAtPath: console.string) else { return false }
    defer { try? handle.close() }
    let size = (try? handle.seekToEnd()) ?? 0
    // Shorter than it was: it began anew.
    let start = max(size < offset ? 0 : offset, size - min(size, Self.mostConsole))
    guard (try? handle.seek(toOffset: start)) != nil, let bytes = try? handle.readToEnd() else { return false }
    return bytes.firstRange(of: Self.done) != nil
  }
}
