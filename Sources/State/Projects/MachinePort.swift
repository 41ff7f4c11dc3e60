public import Host
public import Names
public import SystemPackage

/// Where a machine's interface is that is plugged into a network of the local cloud.
public enum MachinePort: Hashable, Codable, Sendable {
  /// In the network namespace that a file keeps, as ip-netns(8) makes them.
  case namespace(path: String, interface: InterfaceName)
  /// In the network namespace of a process: a container's.
  case process(ProcessIdentity, interface: InterfaceName)
  /// A tap device for the program that runs a virtual machine.
  ///
  /// - Parameter user: who may open it beside root.
  case tap(user: UInt32?)

  /// The interface's name where the machine is; nil for a tap device, which isn't in the machine.
  public var interface: InterfaceName? {
    switch self {
    case .namespace(_, let interface), .process(_, let interface): interface
    case .tap: nil
    }
  }

  /// The file that keeps the machine's namespace; nil for a tap device.
  public var namespacePath: FilePath? {
    switch self {
    case .namespace(let path, _): FilePath(path)
    case .process(let process, _): FilePath("/proc/\(process.pid)/ns/net")
    case .tap: nil
    }
  }
}
