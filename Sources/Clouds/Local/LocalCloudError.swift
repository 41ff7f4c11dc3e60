public import Names
public import State

/// What the local cloud can't do, and what to do about it.
public enum LocalCloudError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Namespaces, bridges and firewalls are root's.
  case notRoot
  /// The network isn't made on this machine.
  case noNetwork(NetworkID)
  /// Every range for the way between host and namespaces overlaps what the host routes already.
  case noTransit
  /// There is nowhere to plug the machine in; `why` says what isn't there.
  case noPlace(machine: String, why: String)
  /// The namespace has an interface of that name that isn't the machine's.
  case interfaceTaken(machine: String, interface: String, path: String)
  /// The namespace isn't a machine's: it is this machine's own, or the network's.
  case notAMachine(machine: String, path: String)
  /// Another home's cloudpipe has the public port; `table` is that home's on the host.
  case portForwarded(IPv4Address, PortNumber, table: String)
  /// A helper of the network didn't come up; `output` is the end of its log.
  case helper(name: String, network: NetworkID, output: String)

  public var description: String {
    switch self {
    case .notRoot: "the local cloud makes network namespaces and firewalls, which takes root: run it with sudo"
    case .noNetwork(let id): "the network \(id) isn't made on this machine: run 'cpbuild launch \(id.project)'"
    case .noTransit:
      "no free addresses for the way to a network: the host routes all of 198.18.0.0/15 and 100.64.0.0/10 elsewhere; "
        + "remove such a route"
    case .noPlace(let machine, let why): "can't plug in \(machine): \(why)"
    case .interfaceTaken(let machine, let interface, let path):
      "can't plug in \(machine): \(path) has an interface \(interface) already; choose another name with --interface"
    case .notAMachine(let machine, let path):
      "can't plug in \(machine): \(path) is the network namespace of this host or of the network itself; name one of "
        + "the machine's own"
    case .portForwarded(let address, let port, let table):
      "port \(port)/udp of \(address) leads to a cloudpipe of another home, by the firewall table inet \(table): choose "
        + "another one with --port"
    case .helper(let name, let id, let output):
      "\(name) of the network \(id) didn't come up: \(output.isEmpty ? "it said nothing" : output)"
    }
  }
}
