import Foundation
public import Names

/// What this machine's main routing table says.
public struct HostRoutes {
  /// Every route but the default one, the networks of the interfaces among them.
  let networks: [IPv4Network]
  let hasDefault: Bool

  init(table: String) {
    var networks: [IPv4Network] = []
    var hasDefault = false
    for line in table.split(separator: "\n").dropFirst() {
      // Addresses in /proc/net/route are the bytes in memory, read as a number of this machine's.
      let fields = line.split(separator: "\t").map { $0.trimmingCharacters(in: .whitespaces) }
      guard fields.count > 7, let bits = UInt32(fields[1], radix: 16), let mask = UInt32(fields[7], radix: 16) else {
        continue
      }
      guard mask != 0 else {
        hasDefault = true
        continue
      }
      let network = IPv4Network(
        containing: IPv4Address(bits: UInt32(bigEndian: bits)), prefixLength: mask.nonzeroBitCount)
      if let network { networks.append(network) }
    }
    self.networks = networks
    self.hasDefault = hasDefault
  }

  /// As the calling thread's network namespace has it.
  ///
  /// - Throws: a `CocoaError` when it can't be read.
  public static func current() throws -> HostRoutes {
    HostRoutes(table: try String(contentsOfFile: "/proc/thread-self/net/route", encoding: .utf8))
  }

  /// The first /31 that no route of this machine overlaps, for the way between it and a namespace.
  ///
  /// Out of what is set aside for benchmarks (RFC 2544), and where that is in use, for carriers (RFC 6598).
  ///
  /// - Throws: ``LocalCloudError/noTransit``.
  public func freeTransit() throws -> IPv4Network {
    let small = Set(networks.filter { $0.prefixLength >= 31 }.map { $0.address.bits & ~1 })
    let wide = networks.filter { $0.prefixLength < 31 }
    for range in Self.ranges {
      var bits = range.address.bits
      while bits < range.last.bits {
        let candidate = IPv4Address(bits: bits)
        if let taken = wide.first(where: { $0.contains(candidate) }) {
          // On from behind what is taken, which may be the end of all addresses.
          let (next, overflow) = taken.last.bits.addingReportingOverflow(1)
          if overflow { break }
          bits = next
        } else if small.contains(bits) {
          bits += 2
        } else if let transit = IPv4Network(containing: candidate, prefixLength: 31) {
          return transit
        }
      }
    }
    throw LocalCloudError.noTransit
  }

  private static let ranges = [
    IPv4Network(containing: IPv4Address(bits: 0xc612_0000), prefixLength: 15),
    IPv4Network(containing: IPv4Address(bits: 0x6440_0000), prefixLength: 10),
  ].compactMap(\.self)
}
