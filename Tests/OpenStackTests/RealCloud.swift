import Foundation
import Host
import OpenStack
import SystemPackage
import Testing

/// A real OpenStack on loopback, made of Debian's packages, for the time that a suite runs (`Fixture/cloud.py`).
struct RealCloud: Decodable, Sendable {
  let authUrl: String
  let endpoints: [String: String]
  /// Nova's metadata service, as Neutron's agent asks it for instances.
  let metadata: String
  let metadataSecret: String
  let folder: String

  @TaskLocal static var current: RealCloud?

  /// The suite's; a test outside of one has none.
  static func get() throws -> RealCloud { try #require(current) }

  /// How a user of the project `demo`, or the administrator, logs in. Passwords are the users' names.
  func access(_ user: String = "demo", project: String = "demo", authURL: String? = nil) -> CloudAccess {
    CloudAccess(
      name: "tests", authURL: authURL ?? authUrl,
      method: .password(user: .init(name: user, domainID: "default"), password: user),
      project: .init(name: project, domainID: "default"))
  }

  /// - Parameter authURL: Keystone's, where a proxy is between.
  func session(_ user: String = "demo", project: String = "demo") throws -> Session {
    try Session(access(user, project: project), tenacity: .impatient)
  }
}

extension Tenacity {
  /// Tries as often, and waits less.
  static let impatient = Tenacity(first: .milliseconds(20), longest: .milliseconds(200))
}

/// Starts the cloud before a suite's first test and ends it after the last.
struct RealCloudTrait: SuiteTrait, TestScoping {
  var isRecursive: Bool { false }

  func provideScope(for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void)
    async throws
  {
    let running = try await RunningCloud.start()
    defer { running.stop() }
    try await RealCloud.$current.withValue(running.cloud) { try await body() }
  }
}

extension SuiteTrait where Self == RealCloudTrait {
  static var realCloud: Self { RealCloudTrait() }
}

/// The process that holds the cloud.
private struct RunningCloud: Sendable {
  let cloud: RealCloud
  private let script: RunningScript

  static func start() async throws -> RunningCloud {
    // The fixture is three levels below the top.
    let build = (0..<3).reduce(RunningScript.folder) { path, _ in path.removingLastComponent() }.appending(".build")
    let folder = try Folder.makeTemporary("openstack")
    let (script, line) = try await RunningScript.start("cloud.py", [folder.string, build.string])
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let cloud = try #require(try? decoder.decode(RealCloud.self, from: line), "the cloud didn't start; see above")
    return RunningCloud(cloud: cloud, script: script)
  }

  func stop() { script.stop() }
}
