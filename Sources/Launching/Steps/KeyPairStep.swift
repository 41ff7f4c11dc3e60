import Clouds
import Host
import State

/// Makes the project's key pair, for its admin to get into the instance with.
struct KeyPairStep: ReversibleStep {
  static let name = StepName.keyPair

  func make(at site: LaunchSite) async throws -> CloudKeyPair {
    let pair = try await site.trust.keyPair(for: site.id)
    let known = CloudKeyPair(name: pair.name, publicKey: pair.publicKey)
    try await site.cloud.makeKeyPair(known)
    return known
  }

  func note(of product: CloudKeyPair) -> [String: String] { ["name": product.name] }

  /// Says what no user but its own sees: the key pair that another made the instance with.
  static func mention(_ earlier: Instance?, at site: LaunchSite) async throws {
    guard let owner = earlier?.handle[InstanceOwner.key], let user = try await site.cloud.user, owner != user else {
      return
    }
    let name = LaunchedNames.shared(of: site.id.project)
    site.report(
      .warning(
        "the key pair \(name) of the user \(owner), who launched the cloudpipe before, stays in the cloud: that user "
          + "removes it with 'openstack keypair delete \(name)', or an administrator with '--user \(owner)'"))
  }

  static func undo(at site: LaunchSite) async throws {
    try await site.onlyIfLast { project in
      guard let pair = try await site.state.read({ try $0.keyPairs.find(of: project) }) else { return }
      try await site.cloud.removeKeyPair(CloudKeyPair(name: pair.name, publicKey: pair.publicKey))
      if site.awaitsMore { return }
      try await site.state.write { try $0.keyPairs.remove(of: project) }
      // Its name is the one that a new key pair would have, so that nobody may be making one meanwhile.
      try await site.state.write { transaction in
        if try transaction.keyPairs.find(of: project) == nil { try site.state.keys.remove(pair.keyFile) }
      }
    }
  }
}
