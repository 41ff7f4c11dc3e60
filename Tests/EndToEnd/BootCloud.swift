import Foundation
import Host
import SystemPackage
import Testing
import Trust

/// The least of a cloud for one instance: a project's network with DHCP and metadata, and users outside of it, in network
/// namespaces that go when the test ends. Needs root.
struct BootCloud: Sendable {
  /// The instance's, for which there is a reserved address.
  static let hardwareAddress = "52:54:00:c1:0d:01"
  static let address = "10.66.0.2"
  /// Where users find the VPN.
  static let publicAddress = "203.0.113.1"
  static let publicPort: UInt16 = 11194
  /// What the project's other machine answers over HTTP.
  static let neighbourSays = "only for the project"

  let folder: FilePath
  private var inside: String { "\(folder.lastComponent?.string ?? "")-cloud" }
  private var outside: String { "\(folder.lastComponent?.string ?? "")-users" }

  /// Runs `body` while the cloud is up, with the user data and public key of `project` in its metadata.
  static func with(_ project: BootProject, _ body: @escaping @Sendable (BootCloud) async throws -> Void) async throws {
    try await Leftovers.sweep("cpb-boot")
    let folder = try Folder.makeTemporary(Leftovers.prefix("cpb-boot"))
    defer { try? Folder.remove(folder) }
    let cloud = BootCloud(folder: folder)
    let keys = folder.appending("metadata/latest/meta-data/public-keys/0")
    try Folder.make(keys)
    try AtomicFile.write(project.userData, to: folder.appending("metadata/latest/user-data"), mode: 0o644)
    try AtomicFile.write(project.admin.publicLine + "\n", to: keys.appending("openssh-key"), mode: 0o644)
    try Folder.make(folder.appending("neighbour"))
    try AtomicFile.write(neighbourSays, to: folder.appending("neighbour/index.html"), mode: 0o644)

    let outcome: Result<Void, any Error>
    do {
      for space in [cloud.inside, cloud.outside] { try await Command("ip", ["netns", "add", space]).run() }
      let script = CPBuild.sourceTree.appending("Tests/EndToEnd/Fixture/cloud.sh")
      var services = cloud.command("sh", [script.string, folder.string, hardwareAddress, cloud.outside])
      services.ownsDescendants = true
      try await services.running {
        try await waiting(for: "the cloud", seconds: 30) { access(folder.appending("ready").string, F_OK) == 0 }
        try await body(cloud)
      }
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    for space in [cloud.inside, cloud.outside] { _ = try? await Command("ip", ["netns", "delete", space]).output() }
    try outcome.get()
  }

  /// A command in the cloud's own network.
  func command(_ program: String, _ arguments: [String]) -> Command {
    Command("ip", ["netns", "exec", inside, program] + arguments)
  }

  /// A command on a user's machine.
  func userCommand(_ program: String, _ arguments: [String]) -> Command {
    Command("ip", ["netns", "exec", outside, program] + arguments)
  }

  /// The addresses that the DHCP server gave out, by hardware address.
  var leases: [String: String] {
    let lines = text("leases").split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    return Dictionary(lines.filter { $0.count > 2 }.map { ($0[1], $0[2]) }) { $1 }
  }

  /// A file of the cloud's folder, as far as it is written.
  func text(_ name: String) -> String {
    let data = FileManager.default.contents(atPath: folder.appending(name).string) ?? Data()
    return String(decoding: data, as: UTF8.self)
  }
}

extension Command {
  /// Runs `body` while this command runs, then ends it. A command that ends by itself fails the test.
  func running(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let output = try await self.output()
        throw HostError.commandFailed(
          command: arguments.joined(separator: " "), status: "ended with status \(output.status)",
          output: output.stdout + output.stderrTail)
      }
      group.addTask(operation: body)
      defer { group.cancelAll() }
      try await group.next()
    }
  }
}

/// Waits until `condition` holds, which has to come in time.
func waiting(
  for what: String, seconds: Double, _ condition: () throws -> Bool, otherwise: () -> String = { "" }
) async throws {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while try !condition() {
    try #require(ContinuousClock.now < deadline, "waited \(seconds) s for \(what)\n\(otherwise())")
    try await Task.sleep(for: .milliseconds(50))
  }
}
