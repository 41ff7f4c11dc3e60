import Foundation
import Host
import SystemPackage
import Testing

/// The built cpbuild, as an operator of the tests' cloud runs it: with a home, a clouds.yaml and a folder of images of its
/// own.
struct CloudCommand: Sendable {
  /// Made up, as big as the smallest flavor's disk takes, and published by nobody else.
  static let image = "ami-0123456789abcdef1"

  let folder: FilePath
  var home: FilePath { folder.appending("home") }
  var out: FilePath { folder.appending("out") }

  static func with<Value>(_ body: (CloudCommand) async throws -> Value) async throws -> Value {
    let folder = try Folder.makeTemporary("cpbuild-cloud")
    defer { try? Folder.remove(folder) }
    let command = CloudCommand(folder: folder)
    let clouds = """
      clouds:
        tests:
          auth: {auth_url: "\(try RealCloud.get().authUrl)", username: demo, password: demo, project_name: demo}
      """
    try AtomicFile.write(clouds, to: folder.appending("clouds.yaml"))
    try Folder.make(command.home, mode: 0o700)
    try await command.makeImage()
    return try await body(command)
  }

  struct Run: Sendable {
    let status: Int
    let stdout: String
    let stderr: String

    func json<Document: Decodable>(_ type: Document.Type) throws -> Document {
      try JSONDecoder().decode(type, from: Data(stdout.utf8))
    }
  }

  func run(_ arguments: String...) async throws -> Run { try await run(arguments) }

  /// The same for what has to succeed.
  @discardableResult
  func must(_ arguments: String...) async throws -> Run { try await must(arguments) }

  @discardableResult
  func must(_ arguments: [String]) async throws -> Run {
    let run = try await run(arguments)
    try #require(run.status == 0, "cpbuild \(arguments.joined(separator: " ")): \(run.stderr)")
    return run
  }

  private func run(_ arguments: [String]) async throws -> Run {
    let output = try await Command(
      binary.string, arguments, environment: environment(proxy: nil), folder: folder
    ).output()
    return Run(status: output.status, stdout: output.stdout, stderr: output.stderrTail)
  }

  /// Starts one whose requests go through a proxy.
  func start(_ arguments: [String], through proxy: FaultProxy) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: try binary.string)
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment
    for (name, value) in self.environment(proxy: proxy.port) { environment[name] = value }
    process.environment = environment
    process.currentDirectoryURL = URL(filePath: folder.string)
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }

  private func environment(proxy: Int?) -> [String: String?] {
    [
      "CPBUILD_HOME": home.string, "HOME": folder.string,
      "OS_CLIENT_CONFIG_FILE": folder.appending("clouds.yaml").string, "OS_CLOUD": nil,
      "OS_AUTH_URL": nil, "no_proxy": "", "http_proxy": proxy.map { "http://127.0.0.1:\($0)" },
    ]
  }

  /// Beside the test bundle, in the folder that SwiftPM builds into.
  private var binary: FilePath {
    get throws {
      let bundle = CommandLine.arguments.lazy.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments.first ?? ""
      let path = FilePath(bundle).removingLastComponent().appending("cpbuild")
      try #require(FileManager.default.isExecutableFile(atPath: path.string), "no cpbuild beside \(bundle)")
      return path
    }
  }

  /// A published image with a disk that has nothing on it.
  private func makeImage() async throws {
    let image = out.appending("images").appending(Self.image)
    try Folder.make(image)
    let disk = image.appending("disk.qcow2")
    _ = try await Command("qemu-img", ["create", "-q", "-f", "qcow2", disk.string, "1G"]).run()
    let size = try Data(contentsOf: URL(filePath: disk.string)).count
    let digest = try Digest.ofFile(disk).hex
    let manifest = """
      {"version": 1, "id": "\(Self.image)", "recipe": "cloudpipe", "summary": "", "tool": "", "epoch": 0,
       "system": {"distribution": "debian", "version": "12", "codename": "", "architecture": "amd64"},
       "base": {"origin": "", "digest": "\(digest)"},
       "stages": {"packages": "\(digest)", "overlays": "\(digest)", "finish": "\(digest)"},
       "disk": {"format": "qcow2", "sha256": "\(digest)", "size": \(size), "virtualSize": 1073741824},
       "boot": {"kernel": "/vmlinuz", "root": ""}, "minimumMemory": 512, "minimumDisk": 1, "packages": [],
       "checks": {"files": [], "enabled": []}, "enabledUnits": [],
       "tree": {"digest": "\(digest)", "entries": 0, "size": 0}, "files": []}
      """
    try AtomicFile.write(manifest, to: image.appending("manifest.json"))
    try AtomicFile.write("", to: image.appending("SHA256SUMS"))
    try AtomicFile.write("\(Self.image)\n", to: out.appending("vpn_image_id"))
  }
}
