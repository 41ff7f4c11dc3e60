import Dispatch
import Glibc
import Synchronization

/// `^C` and SIGTERM as cancellation of a task, so that the work ends in order and cleans up after itself.
public enum Interruption {
  /// How long work may take to end in order after a signal, in seconds.
  private static let grace = 20
  private static let hangups = Mutex<AsyncStream<Void>.Continuation?>(nil)
  private static let last = Atomic<CInt>(0)

  /// The signal that ended the work; nil while none did.
  public static var signal: CInt? {
    let number = last.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// For work that SIGHUP is to tell something, as it does daemons: from now on it cancels nothing any more, and comes
  /// from here. Several that come before one is taken are one.
  public static func takeHangups() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    hangups.withLock { $0 = continuation }
    return stream
  }

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
      Glibc.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if number == SIGHUP, let listener = hangups.withLock({ $0 }) {
          listener.yield()
          return
        }
        last.store(number, ordering: .relaxed)
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
      signals.forEach { _ = Glibc.signal($0, SIG_DFL) }
    }
    return try await task.value
  }
}
