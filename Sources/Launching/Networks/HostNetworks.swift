import Foundation
import Host
public import Names

/// What this machine's own interfaces and routes use of the IPv4 address space, as ip(8) tells it.
public struct HostNetworks: Sendable {
  /// Networks that a new one must not overlap.
  public let taken: [IPv4Network]
  /// The addresses of its interfaces.
  public let addresses: [IPv4Address]
  /// The address that it speaks to the rest of the world with; nil where it has no default route.
  public let outward: IPv4Address?

  public init(taken: [IPv4Network], addresses: [IPv4Address], outward: IPv4Address?) {
    self.taken = taken
    self.addresses = addresses
    self.outward = outward
  }

  private struct Route: Decodable {
    var dst: String?
    var dev: String?
    var prefsrc: String?
    var type: String?
  }

  private struct Interface: Decodable {
    struct Info: Decodable {
      var local: String?
      var prefixlen: Int?
    }
    var ifname: String?
    var addresses: [Info]?
    enum CodingKeys: String, CodingKey {
      case ifname
      case addresses = "addr_info"
    }
  }

  /// Asks ip(8).
  ///
  /// - Throws: `HostError`, `DecodingError`.
  public static func look() async throws -> HostNetworks {
    async let routes = Command("ip", ["-json", "-4", "route", "show", "table", "all"]).run()
    async let interfaces = Command("ip", ["-json", "-4", "address", "show"]).run()
    return try await HostNetworks(routes: routes, interfaces: interfaces)
  }

  /// - Throws: `DecodingError` for what isn't ip(8)'s JSON.
  init(routes: String, interfaces: String) throws {
    let routes = try Self.list(Route.self, in: routes)
    let interfaces = try Self.list(Interface.self, in: interfaces)
    let own = interfaces.flatMap { interface in
      (interface.addresses ?? []).compactMap { info -> (String, IPv4Address, IPv4Network)? in
        guard let address = info.local.flatMap({ try? IPv4Address($0) }), let length = info.prefixlen,
          let network = IPv4Network(containing: address, prefixLength: length)
        else { return nil }
        return (interface.ifname ?? "", address, network)
      }
    }
    addresses = own.map(\.1)
    // A default route, of which there may be halves (0.0.0.0/1), is no network that is in use.
    taken = own.map(\.2) + routes.compactMap { Self.network($0.dst) }.filter { $0.prefixLength >= 4 }
    let way = routes.first { $0.dst == "default" && $0.type == nil }
    outward =
      way.flatMap { route in
        route.prefsrc.flatMap { try? IPv4Address($0) } ?? own.first { $0.0 == route.dev }?.1
      }
  }

  private static func network(_ text: String?) -> IPv4Network? {
    guard let text else { return nil }
    if let address = try? IPv4Address(text) { return IPv4Network(containing: address, prefixLength: 32) }
    return try? IPv4Network(text)
  }

  private static func list<Element: Decodable>(_ type: Element.Type, in text: String) throws -> [Element] {
    // ip(8) says nothing at all, and not [], where there is nothing.
    text.allSatisfy(\.isWhitespace) ? [] : try JSONDecoder().decode([Element].self, from: Data(text.utf8))
  }
}
