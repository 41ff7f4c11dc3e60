import Clouds
import Foundation
import Host
import State

/// One step of a launch. It gets what earlier steps made as values, and its product goes on to later ones.
protocol ReversibleStep: Sendable {
  associatedtype Product: Sendable
  static var name: StepName { get }

  /// What it works on, for the line that shows its progress.
  var detail: String? { get }

  /// The product where it was made before this launch began; what is found is not undone with the launch.
  func existing(at site: LaunchSite) async throws -> Product?

  /// Makes the product. A step that was killed is made again, so that half of one has to be no obstacle.
  func make(at site: LaunchSite) async throws -> Product

  /// What the journal is to know of the product; never a secret.
  func note(of product: Product) -> [String: String]

  /// Undoes it, whether all of it was made, half of it, or nothing.
  static func undo(at site: LaunchSite) async throws
}

extension ReversibleStep {
  var detail: String? { nil }
  func existing(at site: LaunchSite) async throws -> Product? { nil }
  func note(of product: Product) -> [String: String] { [:] }
  /// For steps that leave nothing behind.
  static func undo(at site: LaunchSite) async throws {}
}

/// Where the steps of a launch work: the network, and all that they work with.
struct LaunchSite: Sendable {
  let id: NetworkID
  let state: StateStore
  let cloud: any Cloud
  let trust: any LaunchTrust
  /// Held for as long as anything happens here.
  let lock: LaunchLock
  let now: @Sendable () -> Date
  let report: @Sendable (ProgressEvent) -> Void
  /// While something is undone: more of it may be made late, so that what it is known by isn't forgotten yet.
  var awaitsMore = false
}
