import CLinux
import Glibc
import Names

/// An interface of the calling thread's network namespace.
struct NetworkInterface: Hashable, Sendable {
  let name: String
  /// Whether it is up and something is at its other end: for a tap device, a program that holds it.
  let isConnected: Bool

  /// All of them.
  static func all() -> [NetworkInterface] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [NetworkInterface] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      // One entry of this family for each, whether it has addresses or not (packet(7)).
      guard let address = entry.pointee.ifa_addr, address.pointee.sa_family == sa_family_t(AF_PACKET) else { continue }
      let isRunning = entry.pointee.ifa_flags & UInt32(IFF_RUNNING) != 0
      found.append(NetworkInterface(name: String(cString: entry.pointee.ifa_name), isConnected: isRunning))
    }
    return found
  }

  /// An interface's MAC address; nil where there is no such interface.
  static func hardwareAddress(of interface: String) -> MACAddress? {
    var bytes = [UInt8](repeating: 0, count: 6)
    guard cpbuild_hardware_address(interface, &bytes) == 0 else { return nil }
    return try? MACAddress(bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(separator: ":"))
  }
}
