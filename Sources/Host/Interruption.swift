import Dispatch
import Glibc
import Synchronization

/// `^C` and SIGTERM as cancellation of a task, so that the work ends in order and cleans up after itself.
public enum Interruption {
  /// How long work may take to end in order after a signal, in seconds.
  private static let grace = 20

  /// Runs `body` in a task that SIGINT, SIGTERM and SIGHUP cancel. A second signal ends the process at once.
  ///
  /// - Throws: what `body` throws; `CancellationError` after a signal.
  public static func cancelling<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let task = Task { try await body() }
    let signals = [SIGINT, SIGTERM, SIGHUP]
    let count = Atomic(0)
    let sources = signals.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if count.add(1, ordering: .relaxed).oldValue > 0 { _exit(128 + number) }
        task.cancel()
        // Work that doesn't look up ends all the same; children die with this process.
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(grace)) { _exit(128 + number) }
      }
      source.activate()
      return source
    }
    defer {
      sources.forEach { $0.cancel() }
      signals.forEach { _ = signal($0, SIG_DFL) }
    }
    return try await task.value
  }
}
