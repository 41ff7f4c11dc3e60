import Foundation
import Host
import OpenStack
import Synchronization
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

/// The process that holds the cloud; it also ends when this one does.
private final class RunningCloud: Sendable {
  let cloud: RealCloud
  private let process: Mutex<Process>

  private init(cloud: RealCloud, process: sending Process) {
    self.cloud = cloud
    self.process = Mutex(process)
  }

  static func start() async throws -> RunningCloud {
    let fixture = FilePath(#filePath).removingLastComponent().appending("Fixture")
    let build = fixture.removingLastComponent().removingLastComponent().removingLastComponent().appending(".build")
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    let folder = try Folder.makeTemporary("openstack")
    process.arguments = [
      fixture.appending("cloud.py").string, folder.string,
      build.appending("openstack-\(try version(of: fixture)).tar").string,
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let line = await firstLine(of: output.fileHandleForReading)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let cloud = try #require(try? decoder.decode(RealCloud.self, from: line), "the cloud didn't start; see above")
    return RunningCloud(cloud: cloud, process: process)
  }

  /// A snapshot is of the fixture that made it.
  private static func version(of fixture: FilePath) throws -> String {
    let names = try Folder.names(in: fixture).filter { $0.hasSuffix(".py") }.sorted()
    let texts = try names.map { try String(contentsOfFile: fixture.appending($0).string, encoding: .utf8) }
    return String(Digest.sha256(texts.joined()).hex.prefix(16))
  }

  private static func firstLine(of handle: FileHandle) async -> Data {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var line = Data()
        while let byte = try? handle.read(upToCount: 1), let first = byte.first, first != 10 { line.append(first) }
        continuation.resume(returning: line)
      }
    }
  }

  func stop() {
    process.withLock { process in
      process.terminate()
      process.waitUntilExit()
    }
  }
}
