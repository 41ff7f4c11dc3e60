import ArgumentParser
import Clouds
import Foundation
import Host
import Launching
import Names
import OpenStack
import Payload
import State
import SystemPackage

/// For commands that launch cloudpipes or change them.
struct CloudpipeOptions: ParsableArguments {
  @OptionGroup var state: StateOptions
  @OptionGroup var artifacts: ArtifactOptions

  var global: GlobalOptions { state.global }

  /// Runs `body` with the state opened and what brings cloudpipes up, while its progress is shown.
  ///
  /// - Throws: what `body` and ``StateOptions/open(renewingAll:recovering:)`` throw.
  func reporting<Result: Sendable>(
    cloud: String? = nil, _ body: (OpenState, Launcher) async throws -> Result
  ) async throws -> Result {
    let open = try await state.open()
    return try await ProgressReporter.reporting(global.verbosity) { reporter in
      try await body(open, try open.launcher(out: artifacts.out, cloud: cloud) { reporter.take($0) })
    }
  }
}

extension OpenState {
  /// This machine as a cloud.
  func localCloud() throws -> LocalCloud { LocalCloud(home: store.home, executable: try Executable.path()) }

  /// Where cloudpipes run.
  ///
  /// - Parameter chosen: the cloud that an operator named; nil: this machine, for projects that are nowhere yet.
  func clouds(_ chosen: String? = nil) throws -> NetworkClouds {
    let local = try localCloud()
    let settings = configuration.clouds
    @Sendable func named(_ name: String) throws -> any Cloud {
      if name == local.name { return local }
      let access = try CloudAccess.find(name)
      return OpenStackCloud(session: try Session(access), settings: settings[name] ?? OpenStackSettings())
    }
    return NetworkClouds(
      state: store, standard: try chosen.map(named) ?? local, isChosen: chosen != nil, named: named)
  }

  /// The users of projects, who are thrown out of the cloudpipes that run.
  func users() throws -> ProjectUsers {
    let trust = trust
    return ProjectUsers(
      keeper: trust,
      instances: ShellInstances(state: store, clouds: try clouds()) { trust.crlExport(of: $0) })
  }

  /// - Parameter out: where images land that are built here.
  func launcher(
    out: FilePath, cloud: String? = nil, report: @escaping @Sendable (ProgressEvent) -> Void = { _ in }
  ) throws -> Launcher {
    let trust = trust
    let published = configuration.trust.crlAddress
    return Launcher(
      state: store, clouds: try clouds(cloud), trust: trust, defaults: LaunchDefaults(configuration), out: out,
      crlLocation: try CRLLocation(LocalCloud.crlURL),
      publishedCRL: { project in try published.map { try CRLLocation("\($0)/\(project).pem") } },
      probe: { forward in
        try await ReadinessProbe.waitUntilAnswers(
          address: forward.address, port: forward.port, key: try await trust.probeKey(of: forward.network.project),
          deadline: .now + Self.probeTime)
      }, report: report)
  }

  /// Finishes or undoes what killed commands left half done; `limit` is how long that may take.
  func recover(within limit: Duration? = nil) async throws {
    let launcher = try launcher(out: .fromCommandLine("out")) { event in
      if case .warning(let text) = event { StandardError.write("cpbuild: warning: \(text.escapingControls())\n") }
    }
    try await launcher.recover(within: limit)
  }

  /// How long an answer to a probe may take before whether there is anybody is looked at again.
  private static let probeTime = Duration.seconds(1)
}
