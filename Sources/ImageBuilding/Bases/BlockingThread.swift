import Dispatch
import Synchronization

/// Work that blocks for seconds, such as reading a whole disk, away from the few threads that Swift's tasks share.
enum BlockingThread {
  /// Runs `work` on a thread of its own; it gets a function to call now and then, which throws `CancellationError` once
  /// the task is cancelled.
  ///
  /// - Throws: what `work` throws.
  static func run<Result: Sendable>(
    _ work: @escaping @Sendable (_ checkCancellation: () throws -> Void) throws -> Result
  ) async throws -> Result {
    let stopped = Atomic(false)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
          continuation.resume(
            with: Swift.Result {
              try work { if stopped.load(ordering: .relaxed) { throw CancellationError() } }
            })
        }
      }
    } onCancel: {
      stopped.store(true, ordering: .relaxed)
    }
  }
}
