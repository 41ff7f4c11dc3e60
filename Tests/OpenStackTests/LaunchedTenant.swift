import Clouds
import Foundation
import Host
import Launching
import Names
import OpenStack
import State
import Synchronization
import SystemPackage
import Testing

/// A tenant, and a cpbuild of its own with real CAs and payloads, that launches into the cloud.
struct LaunchedTenant: Sendable {
  let tenant: Tenant
  let store: StateStore
  let session: Session
  let settings: OpenStackSettings
  /// Events that are warnings.
  let warnings = Log()

  /// - Parameter session: what the launches go through; nil: the tenant's own.
  static func with<Value>(
    owner: String = "demo", settings: OpenStackSettings = OpenStackSettings(), session: Session? = nil,
    _ body: (LaunchedTenant) async throws -> Value
  ) async throws -> Value {
    try await Tenant.with(owner: owner) { tenant in
      let folder = try Folder.makeTemporary("cpbuild-openstack")
      defer { try? Folder.remove(folder) }
      _ = try await tenant.publishedImage()
      let store = try await StateStore.open(Home(folder))
      let launched = LaunchedTenant(
        tenant: tenant, store: store, session: session ?? tenant.session, settings: settings)
      let result = try await body(launched)
      try store.close()
      return result
    }
  }

  var cloud: OpenStackCloud { OpenStackCloud(session: session, settings: settings) }

  /// - Parameter later: how much later it is than it is, in seconds.
  func launcher(_ session: Session? = nil, later: TimeInterval = 0) throws -> Launcher {
    let cloud = OpenStackCloud(session: session ?? self.session, settings: settings)
    let defaults = LaunchDefaults(
      range: try IPv4Network("10.0.0.0/8"), prefixLength: 24, tunnelRange: try IPv4Network("172.16.0.0/12"),
      ports: try PortNumber("20000")...PortNumber("20999"), publicAddress: nil, clients: 5, flavors: [:])
    return Launcher(
      state: store, clouds: NetworkClouds(cloud, state: store),
      trust: TrustKeeper(state: store, configuration: Configuration(), passphrase: nil), defaults: defaults,
      out: "/nonexistent", crlLocation: nil, probe: { _ in true },
      host: { HostNetworks(taken: [], addresses: [], outward: nil) }, now: { Date() + later },
      report: { [warnings] event in
        if case .warning(let text) = event { warnings.append(text) }
      })
  }

  var request: LaunchRequest { LaunchRequest(tenant.id) }

  /// What is left in the cloud and in the tables.
  func leftovers() async throws -> [String] {
    let rows = try await store.read { transaction in
      try transaction.networks.all().map { "network \($0.id)" }
        + transaction.instances.all().map { "instance \($0.id)" }
        + transaction.launches.allOpen().map { "open launch \($0.id)" }
    }
    return try await tenant.leftovers() + rows
  }
}

/// Texts, as they come.
final class Log: Sendable {
  private let lines = Mutex<[String]>([])
  func append(_ line: String) { lines.withLock { $0.append(line) } }
  var all: [String] { lines.withLock { $0 } }
}
