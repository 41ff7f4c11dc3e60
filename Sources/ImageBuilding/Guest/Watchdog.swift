import Dispatch
import Synchronization

/// Ends an appliance that doesn't answer a call which takes it a second or two.
///
/// libguestfs waits for its appliance for ever. Under software emulation on a machine with far too much to do, an
/// appliance was seen to spin in a mount without end.
final class Watchdog: Sendable {
  /// Patience with one call, in seconds: a hundred times what the slowest of them took on a busy machine.
  static let seconds = 180

  private let bite: @Sendable () -> Void
  private let bitten = Atomic(false)

  /// - Parameter bite: ends the appliance.
  init(bite: @escaping @Sendable () -> Void) { self.bite = bite }

  /// Whether a call took too long.
  var hasBitten: Bool { bitten.load(ordering: .acquiring) }

  /// Runs a call that blocks; it fails when the appliance is ended under it.
  func watch(_ call: () -> CInt) -> CInt {
    let alarm = DispatchWorkItem { [self] in
      bitten.store(true, ordering: .releasing)
      bite()
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Self.seconds), execute: alarm)
    defer { alarm.cancel() }
    return call()
  }
}
