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

  /// How long after its boot an instance is waited for, whose VPN answers long before its sshd does: seconds.
  private static let boot: TimeInterval = 150

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
    let condition = try await clouds.cloud(of: network).condition(of: network)
    guard condition.state == .running else { return nil }
    let age = condition.since.map { Date().timeIntervalSince($0) } ?? Self.boot
    let deadline = ContinuousClock.now + .seconds(min(max(0, Self.boot - age), Self.boot))
    while true {
      do {
        return try await InstanceShell(to: network, of: try await clouds.cloud(of: network), in: state).run(
          command, input: input)
      } catch let error as LaunchError {
        guard ContinuousClock.now < deadline else { throw error }
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }
}
