import Foundation

/// Runs an actor's jobs on one thread of its own, so that calls which block for minutes keep off the cooperative pool.
public final class ThreadExecutor: SerialExecutor, @unchecked Sendable {
  // Guarded by `condition`.
  private var jobs: [UnownedJob] = []
  private var ended = false
  private let condition = NSCondition()

  /// - Parameter name: the thread's name, as `ps -L` shows it.
  public init(name: String) {
    let thread = Thread { [unowned self] in self.work() }
    thread.name = name
    thread.stackSize = 8 << 20
    // The thread keeps the executor alive until `end()`.
    retained = Unmanaged.passRetained(self)
    thread.start()
  }

  private var retained: Unmanaged<ThreadExecutor>?

  public func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    condition.withLock {
      jobs.append(unowned)
      condition.signal()
    }
  }

  /// Lets the thread end once the jobs that are waiting are done. An actor must not be used after this.
  public func end() {
    condition.withLock {
      ended = true
      condition.signal()
    }
  }

  private func work() {
    while true {
      condition.lock()
      while jobs.isEmpty && !ended { condition.wait() }
      guard !jobs.isEmpty else {
        let own = retained
        retained = nil
        condition.unlock()
        own?.release()
        return
      }
      let job = jobs.removeFirst()
      condition.unlock()
      job.runSynchronously(on: asUnownedSerialExecutor())
    }
  }
}
