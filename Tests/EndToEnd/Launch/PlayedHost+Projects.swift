import Foundation
import Host
import SystemPackage
import Testing

/// What `cpbuild show --json` prints, read by hand so that a renamed field is noticed.
struct ShownCloudpipe: Decodable {
  var network: String
  var state: String?
  var reason: String?
  var faults: [String]
  var address: String
  var mac: String
  var publicAddress: String?
  var publicPort: Int?
  var image: String?
}

/// What `cpbuild user list --json` prints.
struct ShownUsers: Decodable {
  struct User: Decodable {
    struct Session: Decodable {
      var remote: String
      var received: UInt64
    }
    var user: String
    var status: String
    var sessions: [Session]
  }
  var users: [User]
  var isDeserted: Bool { users.allSatisfy(\.sessions.isEmpty) }
}

extension PlayedHost {
  /// A machine with a web page, plugged into a project's network.
  ///
  /// - Returns: its address.
  func web(in project: String, _ options: String..., says page: String = PlayedHost.says) async throws -> String {
    struct Attached: Decodable { var address: String }
    let name = "web-\(project)-\(options.joined().filter { $0.isLetter || $0.isNumber }.suffix(12))"
    let space = try await machine(name)
    let run = try await cpbuild(["attach", project, "web", "--netns", space, "--json"] + options)
    try #require(run.status == 0, "\(run.stderr)")
    let folder = folder.appending(name)
    try Folder.make(folder)
    try AtomicFile.write(page, to: folder.appending("index.html"), mode: 0o644)
    let arguments = ["-m", "http.server", "--bind", "::", "--directory", folder.string, "80"]
    // Ends with the test's process, and with the namespace's interfaces it serves nobody.
    let server = Command("nsenter", ["--net=/run/netns/\(space)", "--", "python3"] + arguments)
    Task { _ = try? await server.output() }
    let address = try run.json(Attached.self).address
    let fetch = Command("nsenter", ["--net=/run/netns/\(space)", "--", "curl", "--silent", "http://\(address)/"])
    for _ in 0..<100 where try await fetch.output().status != 0 { try await Task.sleep(for: .milliseconds(50)) }
    return address
  }

  /// Lets a user in.
  ///
  /// - Returns: their profile.
  func user(_ name: String, of project: String, _ options: String...) async throws -> FilePath {
    let profile = folder.appending("\(project)-\(name).ovpn")
    let run = try await cpbuild(["user", "add", project, name, "--out", profile.string, "--force"] + options)
    try #require(run.status == 0, "\(run.stderr)")
    return profile
  }

  func show(_ project: String) async throws -> [ShownCloudpipe] {
    try await json([ShownCloudpipe].self, "show", project)
  }

  /// Waits until the project's one cloudpipe runs.
  func waitUntilItRuns(_ project: String, seconds: Double = 120) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while let shown = try await show(project).first, shown.state != "running" {
      try #require(ContinuousClock.now < deadline, "\(project) is \(shown.state ?? ""): \(shown.reason ?? "")")
      try await Task.sleep(for: .milliseconds(300))
    }
  }

  /// What cpbuild made of this host, in words: namespaces, interfaces, tables, processes, files of instances.
  func remains() async throws -> [String] {
    let tables = try await command("nft", ["list", "tables"]).run().split(separator: "\n").map(String.init)
    let links = try await command("ip", ["-brief", "link"]).run().split(separator: "\n").map(String.init)
    let instances = (try? Folder.names(in: home.appending("instances"))) ?? []
    return tables.filter { $0.contains("cpbuild") } + links.filter { $0.hasPrefix("cpb") } + networkSpaces
      + instances.filter { !$0.hasPrefix(".") } + (try processes().filter { $0.process.isAlive }.map(\.name))
      + Strays.naming(home).filter { !$0.contains("python3") }
  }
}
