import Names
import State

/// The networks of routed mode that exist between clients and their cloudpipe alone.
struct TunnelNetworks: Hashable, Sendable {
  let pool: IPv4Network
  let pool6: IPv6Network?

  /// The most that a cloudpipe takes (`POOL` in the settings is a /16 to /29).
  private static let lengths = 16...24

  /// Chooses a network that is big enough for `clients` and overlaps none of those `taken`; with IPv6 where the network
  /// has it.
  ///
  /// - Throws: `StateError.noFreeNetwork`.
  static func choose(
    clients: Int, hasIPv6: Bool, in range: IPv4Network, taken: [IPv4Network]
  ) throws -> TunnelNetworks {
    // The network's own, the cloudpipe's and the broadcast address aren't for clients.
    let needed = clients + 3
    let length = lengths.reversed().first { 1 << (32 - $0) >= needed } ?? lengths.lowerBound
    guard let pool = AddressChoice.free(in: range, prefixLength: length, taken: taken) else {
      throw StateError.noFreeNetwork(range: range, prefixLength: length)
    }
    return TunnelNetworks(pool: pool, pool6: hasIPv6 ? uniqueLocal() : nil)
  }

  /// A /64 of a unique local prefix with 40 random bits (RFC 4193, 3.2.2).
  private static func uniqueLocal() -> IPv6Network? {
    let global = UInt128(UInt64.random(in: 0..<(1 << 40)))
    return IPv6Network(containing: IPv6Address(bits: UInt128(0xfd) << 120 | global << 80), prefixLength: 64)
  }
}
