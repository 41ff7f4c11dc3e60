import Foundation
import Testing

/// Threads to run tests on that block them: Swift's own are as many as there are processors, and a test that waits for a
/// program keeps one from all others.
private final class OwnThreads: TaskExecutor {
  static let few = OwnThreads(5)

  private let queue = OperationQueue()

  init(_ count: Int) {
    queue.maxConcurrentOperationCount = count
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.addOperation { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// Runs each test of a suite on threads that may be blocked.
struct OwnThreadsTrait: SuiteTrait, TestTrait, TestScoping {
  let isRecursive = true

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(OwnThreads.few) { try await function() }
  }
}

extension Trait where Self == OwnThreadsTrait {
  static var ownThreads: Self { OwnThreadsTrait() }
}
