import Clouds
import Foundation
import Host
import Launching
import Names
import State
import SystemPackage

/// What `--json` prints of a machine that is plugged into a network.
struct MachineDocument: Encodable {
  enum Kind: String, Encodable { case namespace, process, tap }

  let project: ProjectID
  let network: NetworkName
  let name: MachineName
  let address: IPv4Address
  let mac: MACAddress
  let kind: Kind
  /// The file that keeps the namespace that the interface is in: the machine's, or the network's for a tap device.
  let namespace: String
  let interface: String
  let pid: Int32?
  /// Who may open the tap device beside root.
  let user: UInt32?
  /// A command that runs a virtual machine on the tap device.
  let qemu: [String]?

  /// - Parameter space: the network's.
  init(_ machine: AttachedMachine, space: NetworkSpace) {
    project = machine.id.project
    network = machine.id.name
    name = machine.name
    address = machine.address
    mac = machine.mac
    interface = machine.port.interface?.text ?? NetworkSpace.port(of: machine.mac)
    namespace = (machine.port.namespacePath ?? space.namespacePath).string
    var (pid, user): (Int32?, UInt32?) = (nil, nil)
    switch machine.port {
    case .namespace: kind = .namespace
    case .process(let process, _): (kind, pid) = (.process, process.pid)
    case .tap(let owner): (kind, user) = (.tap, owner)
    }
    (self.pid, self.user) = (pid, user)
    qemu = kind == .tap ? Self.emulator(machine, user: user, space: space) : nil
  }

  /// Where the machine is, in a few words.
  var place: String {
    switch kind {
    case .namespace: "\(interface) in \(namespace)"
    case .process: "\(interface) of process \(pid ?? 0)"
    case .tap: "tap \(interface) in \(namespace)"
    }
  }

  private static func emulator(_ machine: AttachedMachine, user: UInt32?, space: NetworkSpace) -> [String] {
    let drop = user.map { ["setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"] } ?? []
    return space.entering + drop + [
      "qemu-system-x86_64", "-m", "512", "-netdev",
      "tap,id=net0,ifname=\(NetworkSpace.port(of: machine.mac)),script=no,downscript=no",
      "-device", "virtio-net-pci,netdev=net0,mac=\(machine.mac)",
    ]
  }
}
