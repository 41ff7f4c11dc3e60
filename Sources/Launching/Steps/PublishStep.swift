import Clouds
import Names
import State

/// Forwards the public port to the cloudpipe, while that may be booting yet, and waits until it runs.
struct PublishStep: ReversibleStep {
  static let name = StepName.publish

  let forward: PublicForward
  /// The instance's.
  let handle: [String: String]

  var detail: String? { "\(forward.address):\(forward.port)" }

  func make(at site: LaunchSite) async throws -> PublicForward {
    try await site.cloud.publish(forward)
    try await site.cloud.awaitBoot(handle)
    return forward
  }

  func note(of product: PublicForward) -> [String: String] {
    ["address": product.address.text, "port": "\(product.port)"]
  }

  static func undo(at site: LaunchSite) async throws { try await site.cloud.unpublish(site.id) }
}
