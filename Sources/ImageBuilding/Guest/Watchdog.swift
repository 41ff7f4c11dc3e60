import Dispatch
import Synchronization

/// Ends an appliance that doesn't answer a call which takes it a second or two.
///
/// libguestfs waits for its appliance for ever. Under software emulation on a machine with far too much to do, an
/// appliance was seen to spin in a mount without end.
final class Watchdog: Sendable {
  /// Patience with one call, in seconds: a hundred times what the slowest of them took on a busy machine.
  static let seconds = 180

  private let patience: DispatchTimeInterval
  private let bite: @Sendable () -> Void
  private let bitten = Atomic(false)

  /// - Parameter bite: ends the appliance.
  init(patience: DispatchTimeInterval = .seconds(Watchdog.seconds), bite: @escaping @Sendable () -> Void) {
    (self.patience, self.bite) = (patience, bite)
  }

  /// Whether a call took too long.
  var hasBitten: Bool { bitten.load(ordering: .acquiring) }

  /// Runs a call that blocks; it fails when the appliance is ended under it.
  func watch<Result>(_ call: () -> Result) -> Result {
    let alarm = DispatchWorkItem { [self] in
      bitten.store(true, ordering: .releasing)
      bite()
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + patience, execute: alarm)
    defer { alarm.cancel() }
    return call()
  }

  /// Runs a build, and once more when its appliance was ended; a second time in a row there is something else wrong.
  ///
  /// - Parameter between: clears away what the first attempt left, before the second.
  static func upToTwice<Result>(
    _ build: () async throws -> Result, between: (GuestError) throws -> Void
  ) async throws -> Result {
    do {
      return try await build()
    } catch let error as GuestError {
      guard case .stalled = error else { throw error }
      try between(error)
      return try await build()
    }
  }
}
