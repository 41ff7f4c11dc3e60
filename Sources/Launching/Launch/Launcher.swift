public import Clouds
public import Foundation
public import Host
import ImageBuilding
public import Names
public import Payload
public import State
public import SystemPackage

/// The life of cloudpipes: launches them, brings them back, moves and ends them.
///
/// Every change is written to the journal before it is made. One that was killed is finished or undone by
/// ``recover()``, which comes before every command.
public struct Launcher: Sendable {
  let state: StateStore
  let clouds: NetworkClouds
  let trust: any LaunchTrust
  let defaults: LaunchDefaults
  /// Where images land that are built here.
  let out: FilePath
  /// Where instances of this machine fetch newer CRLs.
  let crlLocation: CRLLocation?
  /// Where instances elsewhere do; nil where nothing serves them.
  let publishedCRL: @Sendable (ProjectID) throws -> CRLLocation?
  let probe: AnswerProbe
  let host: @Sendable () async throws -> HostNetworks
  let now: @Sendable () -> Date
  let report: @Sendable (ProgressEvent) -> Void

  /// How long a cloudpipe may take to answer.
  let patience: Duration

  /// A boot under emulation on a busy machine.
  public static let bootTime = Duration.seconds(180)

  public init(
    state: StateStore, clouds: NetworkClouds, trust: any LaunchTrust, defaults: LaunchDefaults, out: FilePath,
    crlLocation: CRLLocation?,
    publishedCRL: @escaping @Sendable (ProjectID) throws -> CRLLocation? = { _ in nil },
    probe: @escaping AnswerProbe,
    host: @escaping @Sendable () async throws -> HostNetworks = { try await HostNetworks.look() },
    now: @escaping @Sendable () -> Date = { Date() }, patience: Duration = Self.bootTime,
    report: @escaping @Sendable (ProgressEvent) -> Void = { _ in }
  ) {
    self.state = state
    self.clouds = clouds
    self.trust = trust
    self.defaults = defaults
    self.out = out
    self.crlLocation = crlLocation
    self.publishedCRL = publishedCRL
    self.probe = probe
    self.host = host
    self.now = now
    self.patience = patience
    self.report = report
  }

  /// One cloud for all networks.
  public init(
    state: StateStore, cloud: any Cloud, trust: any LaunchTrust, defaults: LaunchDefaults, out: FilePath,
    crlLocation: CRLLocation?, probe: @escaping AnswerProbe,
    host: @escaping @Sendable () async throws -> HostNetworks = { try await HostNetworks.look() },
    now: @escaping @Sendable () -> Date = { Date() }, patience: Duration = Self.bootTime,
    report: @escaping @Sendable (ProgressEvent) -> Void = { _ in }
  ) {
    self.init(
      state: state, clouds: NetworkClouds(cloud, state: state), trust: trust, defaults: defaults, out: out,
      crlLocation: crlLocation, probe: probe, host: host, now: now, patience: patience, report: report)
  }

  func site(_ id: NetworkID, _ lock: LaunchLock) async throws -> LaunchSite {
    LaunchSite(
      id: id, state: state, cloud: try await clouds.cloud(of: id), trust: trust, lock: lock, now: now, report: report)
  }

  /// The network's lock, for which other launches of it are waited.
  func lock(_ id: NetworkID) async throws -> LaunchLock {
    try await LaunchLock.wait(for: id, in: state.home) {
      report(.waiting(for: "another command that changes \(id)"))
    }
  }
}

/// What came of a launch.
public struct Launched: Hashable, Sendable {
  public let id: NetworkID
  /// It ran already, and nothing was done.
  public let wasRunning: Bool
  public let forward: PublicForward
  public let imageID: String
}
