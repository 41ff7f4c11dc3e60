import Clouds
import Foundation
import Glibc
import Host
import Names
import State
import Synchronization
import SystemPackage
import Testing

/// A network namespace that plays the machine on which cpbuild runs, with users' machines around it, all in namespaces of
/// their own that go when the test ends, as do the processes in them. Needs root.
final class PlayedHost: Sendable {
  static let address = "203.0.113.1"
  /// Another address of it, to move cloudpipes to.
  static let otherAddress = "203.0.113.2"
  /// What a project's machine answers over HTTP.
  static let says = "only for the project"

  let folder: FilePath
  let image: BuiltImage
  /// What was made, for the end.
  private let spaces = Mutex<[String]>([])
  private var tag: String { folder.lastComponent?.string ?? "" }

  var home: FilePath { folder.appending("home") }
  private var host: String { "\(tag)-host" }

  private init(folder: FilePath, image: BuiltImage) {
    self.folder = folder
    self.image = image
  }

  /// Runs `body` with such a host; whatever happens, nothing of it is left.
  static func with(_ body: (PlayedHost) async throws -> Void) async throws {
    let image = try await SharedImage.shared.image
    try await Leftovers.sweep("cpb-host")
    let host = PlayedHost(folder: try Folder.makeTemporary(Leftovers.prefix("cpb-host")), image: image)
    let outcome: Result<Void, any Error>
    do {
      try await host.begin()
      outcome = .success(try await body(host))
    } catch {
      outcome = .failure(error)
      await host.tellOfInstances()
    }
    await host.end()
    try outcome.get()
  }

  private func begin() async throws {
    try Folder.make(home, mode: 0o700)
    try await space(host)
    for (name, address) in [("public", Self.address), ("public", Self.otherAddress)] {
      if address == Self.address { try await ip("-n", host, "link", "add", name, "type", "bridge") }
      try await ip("-n", host, "address", "add", "\(address)/24", "dev", name)
      try await ip("-n", host, "link", "set", name, "up")
    }
    // Nothing is there, but it leads to the world.
    try await ip("-n", host, "route", "add", "default", "via", "203.0.113.254")
  }

  /// Prints what there is to know about each instance, for whoever looks for the reason of a failure.
  private func tellOfInstances() async {
    let projects = (try? Folder.names(in: home.appending("instances"))) ?? []
    for project in projects where !project.hasPrefix(".") {
      for question in [
        ["show", project], ["log", project], ["ssh", project, "--", "doas journalctl -b -o short-precise"],
      ] {
        guard let run = try? await cpbuild(question) else { continue }
        print((run.stdout + run.stderr).split(separator: "\n").suffix(120).joined(separator: "\n"))
      }
    }
  }

  private func end() async {
    try? kill(SIGKILL)
    let made = spaces.withLock { $0 } + networkSpaces
    for name in made { _ = try? await ip("netns", "delete", name) }
    try? Folder.remove(folder)
  }

  /// The namespaces of the networks in this host's home.
  var networkSpaces: [String] {
    // All of a home's begin alike, and end in seven characters for the network.
    guard let project = try? ProjectID("any") else { return [] }
    let any = NetworkSpace(home: Home(home), id: NetworkID(project: project, name: .standard)).namespace
    return ((try? Folder.names(in: "/run/netns")) ?? []).filter { $0.hasPrefix(any.dropLast(7)) }
  }

  // MARK: - the host

  private var program: CPBuild {
    CPBuild(cache: SharedImage.cache, out: image.out, environment: ["CPBUILD_HOME": home.string])
  }

  /// The words of `cpbuild arguments…` on the host. Not all commands take `--out`.
  private func words(_ arguments: [String]) throws -> [String] {
    let usesImages = ["launch", "restart", "terminate", "change", "show", "attach", "detach", "demo"]
    let out = usesImages.contains(arguments.first ?? "") ? ["--out", image.out.string] : []
    return ["/usr/bin/nsenter", "--net=/run/netns/\(host)", "--", try CPBuild.binary.string] + arguments + out
  }

  /// Runs `cpbuild arguments…` on the host.
  @discardableResult
  func cpbuild(_ arguments: [String]) async throws -> CPBuild.Run {
    try await program.run(words: words(arguments))
  }

  /// One that goes on while the test looks at it.
  func running(_ arguments: String...) throws -> RunningCommand {
    try RunningCommand(words(arguments), of: program, log: folder.appending("running.log"))
  }

  /// Runs one that has to succeed, and hands back what it printed.
  @discardableResult
  func must(_ arguments: String...) async throws -> String {
    let run = try await cpbuild(arguments)
    try #require(run.status == 0, "cpbuild \(arguments.joined(separator: " ")): \(run.stderr)")
    return run.stdout
  }

  func json<Document: Decodable>(_ type: Document.Type, _ arguments: String...) async throws -> Document {
    let run = try await cpbuild(arguments + ["--json"])
    try #require(run.status == 0, "cpbuild \(arguments.joined(separator: " ")): \(run.stderr)")
    return try run.json(type)
  }

  /// A command on the host.
  func command(_ program: String, _ arguments: [String]) -> Command {
    Command("nsenter", ["--net=/run/netns/\(host)", "--", program] + arguments)
  }

  /// The processes that serve this host's networks, QEMU among them, by what their network's folder calls them.
  func processes() throws -> [(name: String, process: ProcessIdentity)] {
    try Folder.names(in: home.appending("instances")).filter { !$0.hasPrefix(".") }.flatMap { project in
      let networks = home.appending("instances").appending(project)
      return try Folder.names(in: networks).flatMap { network in
        let folder = networks.appending(network)
        return ["dnsmasq", "metadata", "qemu"].compactMap { name in
          BackgroundProcess(name: name, folder: folder).recorded.map { ("\(project)/\(network) \(name)", $0) }
        }
      }
    }
  }

  /// Ends every process that serves this host's networks at once.
  func kill(_ signal: CInt) throws {
    for (_, process) in try processes() { process.send(signal) }
  }

  /// What is left of it all after the machine was off: files.
  func losePower() async throws {
    try kill(SIGKILL)
    for name in networkSpaces { try await ip("netns", "delete", name) }
    try await command("nft", ["flush", "ruleset"]).run()
  }

  /// Waits until an instance has said these words so many times on its console.
  func waits(for words: String, times count: Int = 1, of project: String, seconds: Double = 120) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try await must("log", project).split(separator: "\n").filter({ $0.contains(words) }).count < count {
      try #require(ContinuousClock.now < deadline, "it didn't say '\(words)'")
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  /// Runs `body` while the home is a disk of its own, which is gone afterwards with all that is on it.
  func homeOnDisk(of size: String, _ body: () async throws -> Void) async throws {
    try await Command("mount", ["-t", "tmpfs", "-o", "size=\(size),mode=0700", "tmpfs", home.string]).run()
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
    try kill(SIGKILL)
    _ = try await Command("umount", ["--lazy", home.string]).output()
    try outcome.get()
  }

  // MARK: - around it

  /// A machine of a user's, on the host's own network.
  func userMachine(_ number: Int) async throws -> UserMachine {
    let name = "\(tag)-user\(number)"
    try await space(name)
    let port = "user\(number)"
    try await ip("-n", host, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
    try await ip("-n", host, "link", "set", port, "master", "public", "up")
    try await ip("-n", name, "address", "add", "203.0.113.\(100 + number)/24", "dev", "eth0")
    try await ip("-n", name, "link", "set", "eth0", "up")
    return UserMachine(space: name, folder: folder)
  }

  /// A namespace of the test's own, gone when the test ends.
  func space(_ name: String) async throws {
    try await ip("netns", "add", name)
    spaces.withLock { $0.append(name) }
    try await ip("-n", name, "link", "set", "lo", "up")
  }

  /// A namespace that plays a machine of a project's, not yet in its network.
  func machine(_ name: String) async throws -> String {
    try await space("\(tag)-\(name)")
    return "\(tag)-\(name)"
  }

  @discardableResult
  func ip(_ arguments: String...) async throws -> String { try await Command("ip", arguments).run() }
}
