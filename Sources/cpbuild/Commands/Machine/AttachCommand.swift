import ArgumentParser
import Clouds
import Glibc
import Host
import Launching
import Names
import State
import SystemPackage

/// `cpbuild attach`.
struct AttachCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach",
    abstract: "Plug a machine into a project's network.",
    discussion: """
      The machine gets an address of the network, which stays its own, and a name in the network's DNS. In a namespace the \
      interface is configured at once; a virtual machine asks DHCP. It can pass for nobody else.

      Without --netns and --pid a tap device is made for a virtual machine's program, and a command line for QEMU printed, \
      to which its disk is to be added. A machine that is attached already moves, and keeps address and MAC address.

      Examples:
        sudo cpbuild attach acme web --netns web
        sudo cpbuild attach acme db --pid "$(docker inspect --format '{{.State.Pid}}' db)" --interface net1
        sudo cpbuild attach acme vm1 --user 1000
      """)

  @OptionGroup var options: CloudpipeOptions
  @OptionGroup var target: NetworkArguments

  @Argument(help: ArgumentHelp("What the machine is called.", valueName: "name"))
  var name: String

  @Option(help: ArgumentHelp("Its network namespace: a name of 'ip netns', or a file.", valueName: "namespace"))
  var netns: String?

  @Option(help: ArgumentHelp("A process in its network namespace, such as a container's first one.", valueName: "id"))
  var pid: Int32?

  @Option(help: ArgumentHelp("What the interface is called in its namespace; else eth0.", valueName: "name"))
  var interface: String?

  @Option(help: ArgumentHelp("Who may open the tap device beside root.", valueName: "user id"))
  var user: UInt32?

  @Option(
    help: ArgumentHelp("One of the network's addresses for machines; else the lowest free one.", valueName: "address"))
  var address: String?

  @Option(help: ArgumentHelp("The interface's MAC address; else a new one.", valueName: "address"))
  var mac: String?

  mutating func validate() throws {
    if netns != nil && pid != nil { throw ValidationError("--netns and --pid don't go together.") }
    let hasNamespace = netns != nil || pid != nil
    if user != nil && hasNamespace { throw ValidationError("--user is for a tap device, which no namespace needs.") }
    if interface != nil && !hasNamespace {
      throw ValidationError("--interface is for --netns and --pid: a virtual machine names its interfaces itself.")
    }
    if netns == "" { throw ValidationError("--netns is empty.") }
  }

  func run() async throws {
    let name = try MachineName(name)
    let port = try port()
    let (address, mac) = (try address.map { try IPv4Address($0) }, try mac.map { try MACAddress($0) })
    let document = try await options.reporting { open, launcher in
      var request = AttachRequest(name, to: try await target.one(in: open.store), port: port)
      request.address = address
      request.mac = mac
      return MachineDocument(try await launcher.attach(request), space: try open.localCloud().space(of: request.id))
    }
    try options.global.print(document, text: Self.text(document))
  }

  /// - Throws: `NameError`, `HostError` for a process that isn't there.
  private func port() throws -> MachinePort {
    let interface = try interface.map { try InterfaceName($0) } ?? .first
    if let pid {
      guard let process = ProcessIdentity(pid: pid) else {
        throw HostError.file(doing: "find the process", path: FilePath("/proc/\(pid)"), errno: ESRCH)
      }
      return .process(process, interface: interface)
    }
    guard let netns else { return .tap(user: user) }
    let path = netns.contains("/") ? FilePath.fromCommandLine(netns) : FilePath("/run/netns").appending(netns)
    return .namespace(path: path.string, interface: interface)
  }

  private static func text(_ machine: MachineDocument) -> String {
    let id = "\(machine.project)/\(machine.network)"
    let said = "\(machine.name) is attached to \(id) with \(machine.address) (\(machine.mac)): \(machine.place)\n"
    return said + (machine.qemu.map { "run it with: \($0.joined(separator: " "))\n" } ?? "")
  }
}
