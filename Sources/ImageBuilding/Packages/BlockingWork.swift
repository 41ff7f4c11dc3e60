import Dispatch
import Synchronization

/// Work that keeps a core or a disk busy, away from Swift's own threads.
enum BlockingWork {
  /// Does `work` for each of `items`, as many at a time as there are cores; results in the order of the items.
  ///
  /// - Throws: the first error; `CancellationError`. What has begun is finished, what hasn't isn't begun then.
  static func each<Item: Sendable, Result: Sendable>(
    _ items: [Item], _ work: @escaping @Sendable (Item) throws -> Result
  ) async throws -> [Result] {
    let stopped = Atomic(false)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
          let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
          DispatchQueue.concurrentPerform(iterations: items.count) { index in
            let result = Swift.Result {
              if stopped.load(ordering: .relaxed) { throw CancellationError() }
              return try work(items[index])
            }
            if case .failure = result { stopped.store(true, ordering: .relaxed) }
            results.withLock { $0[index] = result }
          }
          continuation.resume(with: Swift.Result { try inOrder(results.withLock { $0 }) })
        }
      }
    } onCancel: {
      stopped.store(true, ordering: .relaxed)
    }
  }

  /// A real error rather than the cancellations that it caused.
  private static func inOrder<Result>(_ results: [Int: Swift.Result<Result, any Error>]) throws -> [Result] {
    let ordered = results.sorted { $0.key < $1.key }.map(\.value)
    for case .failure(let error) in ordered where !(error is CancellationError) { throw error }
    return try ordered.map { try $0.get() }
  }
}
