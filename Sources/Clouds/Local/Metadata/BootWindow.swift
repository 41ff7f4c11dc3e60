import Foundation
import Synchronization
import SystemPackage

/// When the payload is served: from the instance's boot until it says on its console that it has made use of it, at most
/// for ``limit``. The payload holds a private key, and nobody needs it later.
///
/// An instance that boots anew by itself says so there too. Only its root writes to the console, and who is root there
/// has the key already.
final class BootWindow: Sendable {
  static let limit = Duration.seconds(900)
  /// What the guest's rc.local says last when all went well.
  private static let done = Data("cloudpipe: rc.local done".utf8)
  /// What whichever program of the guest's that fetches the payload says before.
  private static let fetches = Data(" fetches http://169.254.169.254/latest/user-data".utf8)
  /// More of the console's end isn't looked at.
  private static let mostConsole: UInt64 = 1 << 20

  private enum Phase {
    case open(since: ContinuousClock.Instant)
    /// The instance was done when its console was so long.
    case done(length: UInt64)
    case late
  }

  private struct State {
    var boot: String?
    var phase: Phase
    /// Where the console begins that counts.
    var start: UInt64 = 0
  }

  private let console: FilePath
  private let state: Mutex<State>

  init(console: FilePath, at now: ContinuousClock.Instant = .now) {
    self.console = console
    state = Mutex(State(phase: .open(since: now)))
  }

  /// - Parameter boot: the boot that the instance's folder tells of.
  func isOpen(boot: String, at now: ContinuousClock.Instant = .now) -> Bool {
    state.withLock { state in
      // The console of another boot begins anew.
      if state.boot != boot { state = State(boot: boot, phase: .open(since: now)) }
      if case .done(let length) = state.phase, says(Self.fetches, since: length) {
        state.phase = .open(since: now)
        state.start = length
      }
      guard case .open(let since) = state.phase else { return false }
      if says(Self.done, since: state.start) {
        state.phase = .done(length: length)
        return false
      }
      if now - since > Self.limit { state.phase = .late }
      return now - since <= Self.limit
    }
  }

  private var length: UInt64 {
    ((try? FileManager.default.attributesOfItem(atPath: console.string))?[.size] as? UInt64) ?? 0
  }

  private func says(_ line: Data, since offset: UInt64) -> Bool {
    guard let handle = FileHandle(forReadingAtPath: console.string) else { return false }
    defer { try? handle.close() }
    let size = (try? handle.seekToEnd()) ?? 0
    // Shorter than it was: it was cut, or began anew.
    let start = max(size < offset ? 0 : offset, size - min(size, Self.mostConsole))
    guard (try? handle.seek(toOffset: start)) != nil, let bytes = try? handle.readToEnd() else { return false }
    return bytes.firstRange(of: line) != nil
  }
}
