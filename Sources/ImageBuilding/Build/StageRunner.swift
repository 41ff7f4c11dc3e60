import Host
import Synchronization

/// Runs the stages of a build one after another and tells what happens.
public final class StageRunner: Sendable {
  private let events: @Sendable (ProgressEvent) -> Void
  private let spent = Mutex<[Timing]>([])

  /// How long one stage took.
  public struct Timing: Sendable, Codable, Equatable {
    public let stage: String
    /// Seconds.
    public let seconds: Double
    /// An earlier build's result was taken.
    public let cached: Bool
  }

  init(events: @escaping @Sendable (ProgressEvent) -> Void) { self.events = events }

  /// Of the stages that have ended, in order.
  var timings: [Timing] { spent.withLock { $0 } }

  func tell(_ event: ProgressEvent) { events(event) }

  /// Runs `body` as the stage `name`.
  func run<Result>(
    _ name: String, _ detail: String? = nil,
    _ body: (_ say: @escaping @Sendable (String) -> Void) async throws -> Result
  ) async throws -> Result {
    try Task.checkCancellation()
    events(.stageStarted(name: name, detail: detail))
    let clock = ContinuousClock()
    let start = clock.now
    let events = events
    let result = try await body { events(.stageMessage(name: name, text: $0)) }
    try Task.checkCancellation()
    finished(name, seconds: (clock.now - start) / .seconds(1), cached: false)
    return result
  }

  /// Says that the stage `name` needn't run.
  func cached(_ name: String) { finished(name, seconds: 0, cached: true) }

  /// Says that the stage `name`, which was begun by hand, has ended.
  func finished(_ name: String, since start: ContinuousClock.Instant) {
    finished(name, seconds: (ContinuousClock.now - start) / .seconds(1), cached: false)
  }

  private func finished(_ name: String, seconds: Double, cached: Bool) {
    spent.withLock { $0.append(Timing(stage: name, seconds: seconds, cached: cached)) }
    events(.stageFinished(name: name, seconds: seconds, cached: cached))
  }
}
