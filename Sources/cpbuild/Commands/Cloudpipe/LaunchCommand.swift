import ArgumentParser
import Clouds
import Launching
import Names
import State

/// `cpbuild launch`.
struct LaunchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launch",
    abstract: "Launch a project's cloudpipe and wait until its VPN answers.",
    discussion: """
      Makes what is missing: network, key pair, security group, CA and certificates, public port, instance. What is there \
      stays as it is, and a cloudpipe that runs is only asked whether its VPN answers. A launch that \
      fails or is interrupted is undone; one that was killed is finished or undone by the next command.

      Examples:
        sudo cpbuild launch acme
        sudo cpbuild launch acme --network lab --mode routed --route 10.9.0.0/16 --dns 10.9.0.53
        cpbuild launch acme --cloud mycloud --network lab --network office
        sudo cpbuild launch --all
      """)

  @OptionGroup var options: CloudpipeOptions

  @Argument(help: ArgumentHelp("The project.", valueName: "project"))
  var project: String?

  @Flag(help: "Launch every cloudpipe that was launched before and doesn't run.")
  var all = false

  @Option(
    name: [.customLong("cloud"), .customLong("os-cloud")],
    help: ArgumentHelp(
      "Where it is to run: a cloud of clouds.yaml; else this machine.", valueName: "name"))
  var cloud: String?

  @Option(
    name: .customLong("network"),
    help: ArgumentHelp(
      "Which of the project's networks; in a cloud, the name or id of a network that it has. Of several each gets one.",
      valueName: "name"))
  var networks: [String] = []

  @Option(
    help: ArgumentHelp(
      "The cloudpipe's own address in a cloud's network; else the second.", valueName: "address"))
  var address: String?

  @Option(
    help: ArgumentHelp("The network's addresses; else ones that nothing uses here.", valueName: "network"))
  var cidr: String?

  @Option(help: ArgumentHelp("The network's IPv6 addresses; else it has none.", valueName: "network"))
  var cidr6: String?

  @Option(help: "Users get an address of the network (bridged), or one of the tunnel's own (routed); else bridged.")
  var mode: VPNMode?

  @Option(help: ArgumentHelp("An image's id; else the one in vpn_image_id.", valueName: "id"))
  var image: String?

  @Option(help: ArgumentHelp("What the instance is given of the machine; else m1.tiny.", valueName: "name"))
  var flavor: String?

  @Option(help: ArgumentHelp("How many users may be connected at once.", valueName: "number"))
  var clients: Int?

  @Option(
    name: .customLong("route"),
    help: ArgumentHelp("A network beside the project's own that users reach through the VPN.", valueName: "network"))
  var routes: [String] = []

  @Option(help: ArgumentHelp("A name server for users.", valueName: "address"))
  var dns: [String] = []

  @Option(help: ArgumentHelp("The domain of the network's names.", valueName: "domain"))
  var dnsDomain: String?

  @Option(help: ArgumentHelp("The address that users connect to, one of this machine's.", valueName: "address"))
  var publicIP: String?

  @Option(help: ArgumentHelp("The port that users connect to; else a free one.", valueName: "number"))
  var port: String?

  @Flag(
    help: """
      Go on from a saved state of the image instead of booting, now and at each restart; the first such launch of an image \
      and flavor saves it.
      """)
  var warm = false

  @Flag(help: "Don't wait until the VPN answers.")
  var noWait = false

  mutating func validate() throws {
    if all {
      guard project == nil, cloud == nil else {
        throw ValidationError("--all and a project or cloud don't go together.")
      }
      guard let any = try? ProjectID("all"),
        (try? requests(of: any)) == [LaunchRequest(NetworkID(project: any, name: .standard))]
      else { throw ValidationError("--all launches what was launched before, as it was: it takes no other options.") }
    } else if project == nil {
      throw ValidationError("Missing expected argument '<project>', or --all.")
    }
    if networks.count > 1, [address, cidr, cidr6, port].contains(where: { $0 != nil }) {
      throw ValidationError("--address, --cidr, --cidr6 and --port are of one network: launch each with its own.")
    }
    if let clients, !(1...1000).contains(clients) { throw ValidationError("--clients is 1 to 1000.") }
  }

  func run() async throws {
    guard let project else { return try await launchAll() }
    let requests = try requests(of: try ProjectID(project))
    let outcomes = try await options.reporting(cloud: cloud) { _, launcher in
      try await launcher.launch(requests, waits: !noWait)
    }
    if networks.count > 1 { return try outcomes.print(options.global) { $0.text(waited: !noWait) } }
    for launched in try outcomes.map({ try $0.result.get() }) {
      try options.global.print(CloudpipeDocument(launched), text: launched.text(waited: !noWait))
    }
  }

  private func launchAll() async throws {
    let outcomes = try await options.reporting { _, launcher in try await launcher.launchAll(waits: !noWait) }
    try outcomes.print(options.global) { $0.line(waited: !noWait) }
  }

  /// One for each network, in the order in which they were named.
  ///
  /// - Throws: `NameError`.
  private func requests(of project: ProjectID) throws -> [LaunchRequest] {
    let names = networks.isEmpty ? [.standard] : try networks.map(Self.name)
    return try names.enumerated().filter { names.firstIndex(of: $1) == $0 }.map { _, name in
      try request(of: NetworkID(project: project, name: name))
    }
  }

  /// - Throws: `NameError`, which for a network of Neutron's has another way out.
  private static func name(_ text: String) throws -> NetworkName {
    do { return try NetworkName(text) } catch {
      throw NameError(
        kind: error.kind, text: text, reason: error.reason,
        remedy: error.remedy + "; for a cloud's network with another name its id, which 'openstack network list' shows")
    }
  }

  /// - Throws: `NameError`.
  private func request(of id: NetworkID) throws -> LaunchRequest {
    var request = LaunchRequest(id)
    request.cidr = try cidr.map { try IPv4Network($0) }
    request.cidr6 = try cidr6.map { try IPv6Network($0) }
    request.mode = mode
    request.address = try address.map { try IPv4Address($0) }
    request.image = image
    request.flavor = flavor
    request.clients = clients
    request.startsWarm = warm
    request.routes = try routes.map { try IPv4Network($0) }
    request.dns = try dns.map { try IPv4Address($0) }
    request.dnsDomain = try dnsDomain.map { try HostName($0) }
    request.publicAddress = try publicIP.map { try IPv4Address($0) }
    request.port = try port.map { try PortNumber($0) }
    return request
  }
}
