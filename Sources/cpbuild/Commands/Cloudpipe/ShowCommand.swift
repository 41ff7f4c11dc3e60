import ArgumentParser
import Clouds
import Foundation
import Launching
import Names
import State

/// `cpbuild show`.
struct ShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show how a project's cloudpipes are doing.",
    discussion: """
      States: pending (being made, or booting), running (its VPN answers), down (it doesn't; the reason says why), \
      invalid (it has no public address that leads here).

      Whether the VPN answers is asked anew each time.
      """)

  @OptionGroup var options: CloudpipeOptions
  @OptionGroup var target: NetworkArguments

  /// What `--json` prints of each network; the keys without a value are left out.
  struct Entry: Encodable {
    let project: ProjectID
    let network: NetworkName
    let cloud: String?
    let state: InstanceState?
    let reason: String?
    let since: Date?
    let faults: [String]
    let cidr: IPv4Network
    let cidr6: IPv6Network?
    let mode: VPNMode
    let address: IPv4Address
    let mac: MACAddress?
    let publicAddress: IPv4Address?
    let publicPort: UInt16?
    let clients: Int
    let tunnel: IPv4Network?
    let tunnel6: IPv6Network?
    let routes: [IPv4Network]
    let dns: [IPv4Address]
    let dnsDomain: HostName?
    let image: String?
    let flavor: String?
    let machines: [MachineDocument]
    /// How it started: `warm`, from a saved state, or `cold`.
    let start: String?

    init(_ status: CloudpipeStatus, space: NetworkSpace) {
      let network = status.network
      project = network.projectId
      self.network = network.name
      cloud = status.instance?.cloudName
      state = status.state
      reason = status.reason
      since = status.since
      faults = status.faults
      cidr = network.cidr
      cidr6 = network.cidr6
      mode = network.mode
      address = status.address.address
      mac = status.address.mac
      publicAddress = status.port?.address
      publicPort = status.port?.port.rawValue
      clients = network.poolSize
      tunnel = network.tunnelPool
      tunnel6 = network.tunnelPool6
      routes = network.routes
      dns = network.dns
      dnsDomain = network.dnsDomain
      image = status.instance?.imageId
      flavor = status.instance?.handle["flavor"]
      machines = status.machines.map { MachineDocument($0, space: space) }
      start = status.instance?.handle[LocalInstances.startKey]
    }

    /// Names and values, for people.
    var lines: [(String, String)] {
      var lines = [("project", project.text), ("network", network.text)]
      lines.append(("state", [state?.rawValue ?? "not launched", reason].compactMap(\.self).joined(separator: ": ")))
      if let since { lines.append(("since", since.formatted(.iso8601))) }
      lines += faults.filter { $0 != reason }.map { ("fault", $0) }
      if let cloud { lines.append(("cloud", cloud)) }
      if let publicAddress, let publicPort { lines.append(("public", "\(publicAddress):\(publicPort)/udp")) }
      lines += [("cidr", cidr.text), ("cidr6", cidr6?.text ?? ""), ("mode", mode.rawValue)]
      lines += [("address", address.text), ("mac", mac?.text ?? ""), ("clients", "\(clients)")]
      lines += [("tunnel", [tunnel?.text, tunnel6?.text].compactMap(\.self).joined(separator: " "))]
      lines += [("routes", routes.map(\.text).joined(separator: " ")), ("dns", dns.map(\.text).joined(separator: " "))]
      lines += [("domain", dnsDomain?.text ?? ""), ("image", image ?? ""), ("flavor", flavor ?? "")]
      lines += [("start", start ?? "")]
      lines += machines.map { ("machine", "\($0.name) \($0.address) \($0.mac) \($0.place)") }
      return lines.filter { !$0.1.isEmpty }
    }
  }

  func run() async throws {
    guard let open = try await options.state.openIfThere() else { throw LaunchError.noProject(try target.project()) }
    let launcher = try open.launcher(out: options.artifacts.out)
    var entries: [Entry] = []
    let cloud = try open.localCloud()
    for id in try await target.all(in: open.store) {
      entries.append(Entry(try await launcher.status(of: id), space: cloud.space(of: id)))
    }
    let text = try text(entries)
    try options.global.print(entries, text: text)
  }

  private func text(_ entries: [Entry]) throws -> String {
    let project = try target.project()
    if entries.isEmpty { return "\(project) has no cloudpipe: 'cpbuild launch \(project)' makes one\n" }
    return entries.map { entry in
      let width = (entry.lines.map(\.0.count).max() ?? 0) + 2
      return entry.lines.map { $0.padded(to: width) + $1.escapingControls() + "\n" }.joined()
    }.joined(separator: "\n")
  }
}
