import Clouds
import Foundation
import Host
import Payload
import State

/// Boots the instance.
struct BootStep: ReversibleStep {
  static let name = StepName.boot

  let plan: InstancePlan
  /// Boots it anew even where it runs.
  let isRestart: Bool
  /// Where its payload has it fetch newer CRLs.
  let crlLocation: CRLLocation?

  /// What the instance's handle says of its flavor, which a later boot goes by.
  static let flavor = "flavor"
  /// And of whether it was to start from a saved state.
  static let warm = "warm"
  /// And of what the cloud calls its image, where only that may be gone by.
  static let image = "image"
  /// And of where it fetches newer CRLs from.
  static let crl = "crl"

  var detail: String? { "\(plan.name), \(plan.flavor.name)" }

  func make(at site: LaunchSite) async throws -> [String: String] {
    var wanted = [Self.flavor: plan.flavor.name, Transaction.cloudKey: site.cloud.name]
    if plan.startsWarm { wanted[Self.warm] = "true" }
    wanted[Self.crl] = crlLocation?.text
    wanted[Self.image] = plan.image.cloudID
    if plan.startsWarm, site.cloud.kind != .local {
      site.report(.warning("\(plan.name) boots: a saved state is for cloudpipes on this machine"))
    }
    let earlier = try await site.state.read { try $0.instances.find(site.id) }
    // Such a one runs with other keys than those of the plan.
    let hasLostKeys = earlier?.hasLostKeys ?? false
    let before = hasLostKeys ? wanted.merging([Instance.lostKeysKey: "true"]) { $1 } : wanted
    try await KeyPairStep.mention(earlier, at: site)
    try await note(.pending, handle: before, at: site)
    let known = try await isRestart || hasLostKeys ? site.cloud.restart(plan) : site.cloud.boot(plan)
    if let obstacle = known[LocalInstances.obstacleKey] {
      site.report(.warning("\(plan.name) booted instead of going on from a saved state: \(obstacle)"))
    }
    var handle = known.merging(wanted) { $1 }
    // How one started that runs already, only the earlier handle says.
    let process = known[LocalInstances.processKey]
    if let earlier, process != nil, process == earlier.handle[LocalInstances.processKey] {
      handle = earlier.handle.merging(handle) { $1 }
    }
    try await note(.pending, handle: handle, at: site)
    return handle
  }

  func note(of product: [String: String]) -> [String: String] { product }

  static func undo(at site: LaunchSite) async throws {
    let instance = try await site.state.read { try $0.instances.find(site.id) }
    try await KeyPairStep.mention(instance, at: site)
    try await site.cloud.removeInstance(of: site.id, knownAs: instance?.handle ?? [:])
    try await site.state.write { try $0.instances.remove(site.id) }
  }

  private func note(_ state: InstanceState, handle: [String: String], at site: LaunchSite) async throws {
    try await site.state.write { transaction in
      let now = site.now()
      if let found = try transaction.instances.find(site.id), found.imageId == plan.image.id {
        return try transaction.instances.update(site.id, state: state, handle: handle, at: now)
      }
      try transaction.instances.remove(site.id)
      try transaction.instances.insert(
        Instance(
          id: site.id, cloud: site.cloud.kind, state: state, imageId: plan.image.id, handle: handle, createdAt: now))
    }
  }
}
