import Clouds
import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage
import Testing

/// Namespaces that play a whole machine with the world outside of it: `host`, where the local cloud is used, and
/// `outside`, which the host's default route leads to. Removed with all that is in them.
struct PlayedMachine {
  static let isRoot = geteuid() == 0
  static let hostAddress = "203.0.113.1"
  static let outsideAddress = "203.0.113.9"

  let tag: String
  let folder: FilePath
  var home: FilePath { folder.appending("home") }
  var otherHome: FilePath { folder.appending("other") }
  var host: String { "cpt-\(tag)-host" }
  var outside: String { "cpt-\(tag)-outside" }

  static func with(_ body: (PlayedMachine) async throws -> Void) async throws {
    let tag = String(UInt32.random(in: .min ... .max), radix: 36)
    let machine = PlayedMachine(tag: tag, folder: try Folder.makeTemporary("cpbuild-clouds"))
    do {
      try await machine.begin()
      try await body(machine)
    } catch {
      await machine.end()
      throw error
    }
    await machine.end()
  }

  /// What the names of the networks' namespaces begin with, for each of the two homes that a test may use.
  private var homes: [String] {
    [home, otherHome].compactMap { path in
      (try? space(of: "any", home: path)).map { String($0.namespace.dropLast(7)) }
    }
  }

  func space(of project: String, home: FilePath? = nil) throws -> NetworkSpace {
    NetworkSpace(
      home: Home(home ?? self.home), id: NetworkID(project: try ProjectID(project), name: .standard))
  }

  private func begin() async throws {
    for path in [home, otherHome] { try Folder.make(path, mode: 0o700) }
    for name in [host, outside] {
      try await ip("netns", "add", name)
      try await ip("-n", name, "link", "set", "lo", "up")
    }
    try await ip("-n", host, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", outside)
    for (name, address) in [(host, Self.hostAddress), (outside, Self.outsideAddress)] {
      try await ip("-n", name, "address", "add", "\(address)/24", "dev", "eth0")
      try await ip("-n", name, "link", "set", "eth0", "up")
    }
    try await ip("-n", host, "route", "add", "default", "via", Self.outsideAddress)
  }

  private func end() async {
    for process in MarkedProcesses.all() where process.value.string.hasPrefix(folder.string) {
      process.key.send(SIGKILL)
    }
    for name in (try? Folder.names(in: "/run/netns")) ?? [] where name.hasPrefix("cpt-\(tag)-") {
      _ = try? await ip("netns", "delete", name)
    }
    for space in (try? Folder.names(in: "/run/netns")) ?? [] where homes.contains(where: { space.hasPrefix($0) }) {
      _ = try? await ip("netns", "delete", space)
    }
    try? Folder.remove(folder)
  }

  @discardableResult
  func ip(_ arguments: String...) async throws -> String { try await Command("ip", arguments).run() }

  /// Runs a program in one of the namespaces.
  func run(in space: String, _ words: String...) async throws -> Command.Output {
    try await Command("nsenter", ["--net=/run/netns/\(space)", "--"] + words).output()
  }

  /// One call of the local cloud on the played machine.
  @discardableResult
  func cloud(_ project: String, _ words: String..., home: FilePath? = nil) async throws -> String {
    try await command(project, words, home: home).run()
  }

  @discardableResult
  func cloud(_ project: String, _ words: [String]) async throws -> String { try await command(project, words).run() }

  func command(_ project: String, _ words: [String], home: FilePath? = nil) -> Command {
    Command(
      "nsenter",
      ["--net=/run/netns/\(host)", "--", Self.worker.string, (home ?? self.home).string, project] + words)
  }

  /// What the host's firewall says, whole.
  func hostRules() async throws -> String { try await run(in: host, "nft", "list", "ruleset").stdout }

  /// It is built beside the tests.
  private static let worker: FilePath = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return FilePath(tests).removingLastComponent().appending("CloudWorker")
  }()
}
