import Foundation
package import Names

/// Which UDP ports of this machine's are in use: a public one that leads to a cloudpipe takes them away from whoever has
/// them.
package struct HostPorts {
  /// Of the calling thread's network namespace.
  ///
  /// - Throws: a `CocoaError` when they can't be read.
  static func heard(at address: IPv4Address) throws -> Set<PortNumber> {
    let folder = "/proc/thread-self/net/"
    let version4 = try String(contentsOfFile: folder + "udp", encoding: .utf8)
    // A kernel without IPv6 has no such file.
    let version6 = (try? String(contentsOfFile: folder + "udp6", encoding: .utf8)) ?? ""
    return heard(at: address, in: version4).union(heard(at: address, in: version6))
  }

  /// The ports where a program hears whoever sends to `address`, in a table as proc(5) has it. A socket that is connected
  /// hears its peer alone, whose packets are of a connection that is there already.
  package static func heard(at address: IPv4Address, in table: String) -> Set<PortNumber> {
    var ports: Set<PortNumber> = []
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      guard fields.count > 2, fields[2].hasSuffix(":0000"), let (own, port) = endpoint(fields[1]) else { continue }
      if own == nil || own == address { ports.insert(port) }
    }
    return ports
  }

  /// `0100007F:0035`. Of IPv6 there are four such numbers, and of interest is what is heard over IPv4 as well.
  ///
  /// - Returns: no address where it is any; nil for another IPv6 address.
  private static func endpoint(_ text: Substring) -> (address: IPv4Address?, port: PortNumber)? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1], radix: 16).flatMap(PortNumber.init(rawValue:)),
      let bits = UInt32(parts[0].suffix(8), radix: 16)
    else { return nil }
    let prefix = parts[0].dropLast(8)
    // ::ffff:0:0/96 (RFC 4291, 2.5.5.2). The numbers are the bytes in memory, read as numbers of this machine's.
    let isMapped = prefix == "0000000000000000FFFF0000"
    guard prefix.isEmpty || isMapped || prefix.allSatisfy({ $0 == "0" }) && bits == 0 else { return nil }
    return (bits == 0 ? nil : IPv4Address(bits: UInt32(bigEndian: bits)), port)
  }
}
