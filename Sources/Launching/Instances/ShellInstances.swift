import Clouds
import Foundation
import Host
public import Names
public import State
public import SystemPackage

/// The cloudpipes that run, asked over ssh.
public struct ShellInstances: LiveInstances {
  let state: StateStore
  let clouds: NetworkClouds
  /// The file with a project's newest CRLs.
  let crl: @Sendable (ProjectID) -> FilePath

  public init(state: StateStore, clouds: NetworkClouds, crl: @escaping @Sendable (ProjectID) -> FilePath) {
    self.state = state
    self.clouds = clouds
    self.crl = crl
  }

  public func refreshCRL(of network: NetworkID) async throws -> CRLRefresh? {
    // Over standard input, which needs nothing else that serves the instance.
    let output = try await run(
      ["doas", "/usr/local/sbin/cloudpipe-refresh-crl", "-"], in: network, input: crl(network.project))
    guard let output else { return nil }
    guard let refresh = CRLRefresh(output.stdout), output.status == 0 else {
      let trouble = output.stdout.split(separator: "\n").last { $0.hasPrefix("trouble ") }?.dropFirst(8)
      throw LaunchError.noShell(network, why: String(trouble ?? output.stderrTail.suffix(200)[...]))
    }
    return refresh
  }

  public func sessions(of network: NetworkID) async throws -> [VPNSession]? {
    guard let output = try await run(["doas", "/usr/local/lib/cloudpipe/report"], in: network) else { return nil }
    guard let report = InstanceReport(output.stdout) else {
      throw LaunchError.noShell(network, why: "what it reports was cut")
    }
    return report.sessions.map {
      VPNSession(
        user: $0.user, network: network.name, serial: $0.serial, remote: $0.remote, address: $0.address,
        since: $0.since, expires: $0.expires, received: $0.received, sent: $0.sent)
    }
  }

  /// - Returns: nil where none runs.
  private func run(_ command: [String], in network: NetworkID, input: FilePath? = nil) async throws -> Command.Output? {
    guard try await state.read({ try $0.instances.find(network) }) != nil else { return nil }
    let cloud = try await clouds.cloud(of: network)
    guard try await cloud.condition(of: network).state == .running else { return nil }
    return try await InstanceShell.waiting(for: network, of: cloud, in: state).run(command, input: input)
  }
}
