import ArgumentParser
import Clouds
import Foundation
import Host
import Launching
import Names
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
  /// - Throws: what `body` and ``StateOptions/open()`` throw.
  func reporting<Result: Sendable>(
    _ body: (OpenState, Launcher) async throws -> Result
  ) async throws -> Result {
    let open = try await state.open()
    return try await ProgressReporter.reporting(global.verbosity) { reporter in
      try await body(open, try open.launcher(out: artifacts.out) { reporter.take($0) })
    }
  }
}

extension OpenState {
  /// Where cloudpipes run.
  func cloud() throws -> LocalCloud { LocalCloud(home: store.home, executable: try Executable.path()) }

  /// The users of projects, who are thrown out of the cloudpipes that run.
  func users() throws -> ProjectUsers {
    let trust = trust
    return ProjectUsers(
      keeper: trust,
      instances: ShellInstances(state: store, cloud: try cloud()) { trust.crlExport(of: $0) })
  }

  /// - Parameter out: where images land that are built here.
  func launcher(
    out: FilePath, report: @escaping @Sendable (ProgressEvent) -> Void = { _ in }
  ) throws -> Launcher {
    let trust = trust
    return Launcher(
      state: store, cloud: try cloud(), trust: trust, defaults: LaunchDefaults(configuration), out: out,
      crlLocation: try CRLLocation(LocalCloud.crlURL),
      probe: { forward in
        try await ReadinessProbe.waitUntilAnswers(
          address: forward.address, port: forward.port, key: try await trust.probeKey(of: forward.network.project),
          deadline: .now + Self.probeTime)
      }, report: report)
  }

  /// Finishes or undoes what killed commands left half done.
  func recover() async throws {
    let launcher = try launcher(out: .fromCommandLine("out")) { event in
      if case .warning(let text) = event { StandardError.write("cpbuild: warning: \(text.escapingControls())\n") }
    }
    try await launcher.recover()
  }

  /// How long an answer to a probe may take before whether there is anybody is looked at again.
  private static let probeTime = Duration.seconds(1)
}
