import Foundation
public import Names
import State
public import Trust

/// The users of projects: letting them in, seeing who they are, throwing them out.
public struct ProjectUsers: Sendable {
  let keeper: TrustKeeper
  let instances: (any LiveInstances)?

  /// - Parameter instances: the cloudpipes that run; nil where no cloud is known.
  public init(keeper: TrustKeeper, instances: (any LiveInstances)? = nil) {
    self.keeper = keeper
    self.instances = instances
  }

  /// What a certificate is wanted for.
  public struct Admission: Sendable {
    public var target = ProfileTarget.Wish()
    /// The configuration's when nil.
    public var expiry: Expiry?
    /// The configuration's when nil.
    public var keyType: Trust.KeyType?
    /// What the user's own key signed.
    public var request: SigningRequest?
    public var isRenewal = false

    public init() {}
  }

  /// Issues a certificate, and hands the profile over. When that fails the certificate is revoked at once and its files are
  /// taken back: nobody has it, and the next attempt isn't told that the user exists.
  ///
  /// A project that has no network here, but remotes in `admission`, is served elsewhere: it gets its CA on first use.
  ///
  /// - Parameter handOver: gives the profile to whoever it is for.
  /// - Throws: ``UserError``, ``TrustKeeperError``, `StateError`, `TrustError`, `HostError`, what `handOver` throws.
  public func add(
    _ user: UserName, to project: ProjectID, _ admission: Admission, delivery: ProfileDelivery,
    handOver: (NewUser) throws -> Void
  ) async throws {
    defer { delivery.discard() }
    let target = try await target(of: project, admission)
    let issued = try await keeper.addUser(
      user, to: project, expiry: admission.expiry, keyType: admission.keyType, request: admission.request,
      renewing: admission.isRenewal)
    do {
      let profile = try issued.profile(
        for: target.network, mode: target.mode, remotes: target.remotes, keyFile: "\(user.fileStem).key")
      try delivery.deliver(profile, stem: user.fileStem)
      let new = NewUser(user: user, target: target, certificate: issued.certificate, profile: profile)
      do { try handOver(new) } catch {
        delivery.withdraw()
        throw error
      }
    } catch {
      let serial = try State.SerialNumber(bytes: issued.certificate.serial.octets)
      _ = try await keeper.revoke(user, of: project, serial: serial, reason: .cessationOfOperation)
      throw error
    }
  }

  private func target(of project: ProjectID, _ admission: Admission) async throws -> ProfileTarget {
    let (isKnown, target) = try await keeper.state.read { state in
      let isKnown = try state.projects.find(project) != nil
      if !isKnown && admission.target.remotes.isEmpty { throw TrustKeeperError.noProject(project) }
      return (isKnown, try state.target(of: project, admission.target))
    }
    // A preparation that was killed may have left the one without the other.
    let isPrepared = try await keeper.state.read { state in
      try state.authorities.active(of: project) != nil && state.tunnelKeys.find(of: project) != nil
    }
    if !isKnown && admission.isRenewal { throw TrustKeeperError.noProject(project) }
    try Profile.check(remotes: target.remotes, serverName: LaunchedNames.instance(of: target.network))
    if !isPrepared { try await keeper.prepare(project) }
    return target
  }
}

/// A user who was just let in.
public struct NewUser: Sendable {
  public let user: UserName
  public let target: ProfileTarget
  public let certificate: Trust.Certificate
  public let profile: Profile
}
