import Foundation

/// Where a cloudpipe answers: a public address or host name, and a UDP port.
public struct Remote: Hashable, Sendable, CustomStringConvertible {
  public let host: String
  public let port: UInt16

  /// - Throws: `TrustError.valueRefused` unless the host is a host name, an IPv4 or an IPv6 address of at most 200
  ///   characters (OpenVPN reads lines of up to 255), and the port isn't 0.
  public init(host: String, port: UInt16) throws {
    guard host.utf8.count <= 200, Self.isIPv6(host) || (try? DNSName(host)) != nil else {
      throw TrustError.valueRefused(field: "remote", reason: "it is neither a host name nor an address")
    }
    guard port != 0 else { throw TrustError.valueRefused(field: "remote port", reason: "it is 0") }
    self.host = host
    self.port = port
  }

  public var description: String { "\(host) \(port)" }

  private static func isIPv6(_ host: String) -> Bool {
    var address = in6_addr()
    return host.contains(":") && host.utf8.allSatisfy { $0 > 0 } && inet_pton(AF_INET6, host, &address) == 1
  }
}
