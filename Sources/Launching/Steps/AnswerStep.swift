public import Clouds
import State

/// Whether a VPN answers at a public address; false where it gave none by now.
public typealias AnswerProbe = @Sendable (PublicForward) async throws -> Bool

/// Waits until the VPN answers.
struct AnswerStep: ReversibleStep {
  static let name = StepName.answer

  let forward: PublicForward
  /// How long an answer may take.
  let patience: Duration
  let probe: AnswerProbe

  func make(at site: LaunchSite) async throws {
    let deadline = ContinuousClock.now + patience
    while try await !probe(forward) {
      // The VPN goes on being asked while the cloud is.
      async let answers = probe(forward)
      let condition = try await site.cloud.condition(of: site.id)
      if try await answers { break }
      // Nothing that isn't there any more will ever answer.
      guard condition.state == .running, ContinuousClock.now < deadline else {
        let fault = condition.state == .running ? condition.faults.first : "the instance has ended"
        throw LaunchError.noAnswer(seconds: Int(patience.components.seconds), fault: fault)
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    try await site.state.write { try $0.instances.update(site.id, state: .running, at: site.now()) }
  }
}
