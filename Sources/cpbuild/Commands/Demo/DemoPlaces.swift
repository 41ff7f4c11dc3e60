import Clouds
import Foundation
import Host
import Names
import State
import SystemPackage

/// The two network namespaces of a demo: the machine with the web server, and the user's.
struct DemoPlaces: Sendable {
  private let base: String
  /// The host's end of the way to the user's machine.
  private let userLink: String

  /// Where the web server's record is.
  private let folder: FilePath

  init(home: Home, network: NetworkID) {
    let space = NetworkSpace(home: home, id: network)
    folder = home.path
    base = "demo-\(space.namespace)"
    // As long as an interface's name may be.
    userLink = "cpd" + String(space.hostPort.dropFirst(3))
  }

  private var webName: String { "\(base)-web" }
  private var userName: String { "\(base)-user" }
  private func path(_ name: String) -> FilePath { FilePath("/run/netns").appending(name) }
  var webPort: MachinePort { .namespace(path: path(webName).string, interface: .first) }

  private var webServer: BackgroundProcess { BackgroundProcess(name: "web", folder: folder) }

  func makeWeb() async throws { try await make(webName) }

  /// Starts the web server, which goes on when this command ends.
  func serve(_ page: String) throws {
    try webServer.start(
      try Executable.path().string, ["demo-web-server", "--page", page],
      prefix: ["nsenter", "--net=\(path(webName))", "--"])
  }

  /// Makes the user's machine, with this one as its only neighbour.
  ///
  /// - Returns: this machine's address there, which the user can reach whatever else this machine has.
  /// - Throws: `HostError`, `LocalCloudError.noTransit` when this machine uses all addresses for such a way.
  func makeUser() async throws -> IPv4Address {
    try await make(userName)
    let way = try HostRoutes.current().freeTransit()
    let (here, there) = (way.address, way.last)
    let commands = [
      ["link", "add", userLink, "type", "veth", "peer", "name", "eth0", "netns", userName],
      ["address", "add", "\(here)/\(way.prefixLength)", "dev", userLink], ["link", "set", userLink, "up"],
      ["-n", userName, "address", "add", "\(there)/\(way.prefixLength)", "dev", "eth0"],
      ["-n", userName, "link", "set", "eth0", "up"],
      ["-n", userName, "route", "add", "default", "via", "\(here)"],
    ]
    for command in commands { try await Command("ip", command).run() }
    return here
  }

  /// What is there of them; nothing is fine.
  func remove() async throws {
    try await webServer.stop()
    for name in [webName, userName] where NetworkNamespace(path: path(name)).inode != nil {
      try await Command("ip", ["netns", "delete", name]).run()
    }
  }

  /// A command on the user's machine.
  func userCommand(_ program: String, _ arguments: [String]) -> Command {
    Command("nsenter", ["--net=\(path(userName))", "--", program] + arguments)
  }

  /// What the user sees at a URL; nil where there is no answer in time.
  func fetch(_ url: String, seconds: Int) async throws -> String? {
    let output = try await userCommand("curl", ["--silent", "--noproxy", "*", "--max-time", "\(seconds)", url]).output()
    return output.status == 0 ? output.stdout : nil
  }

  private func make(_ name: String) async throws {
    try await Command("ip", ["netns", "add", name]).run()
    try await Command("ip", ["-n", name, "link", "set", "lo", "up"]).run()
  }
}
