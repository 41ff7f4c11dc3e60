import Foundation
import Names
public import Payload
public import State
public import SystemPackage
import Trust

extension TrustKeeper: LaunchTrust {
  public func prepare(for id: NetworkID) async throws -> FilePath {
    try await prepare(id.project)
    _ = try await serverCredentials(of: id)
    return crlExport(of: id.project)
  }

  public func keyPair(for id: NetworkID) async throws -> KeyPair { try await keyPair(of: id.project) }

  public func payload(for id: NetworkID, settings: Settings) async throws -> Payload {
    let credentials = try await serverCredentials(of: id)
    var settings = settings
    settings.crlEnd = credentials.crlEnd
    return try Payload(
      authorities: Data(credentials.authorities.utf8), serverCertificate: Data(credentials.certificate.utf8),
      serverKey: credentials.key.data, crl: Data(credentials.crl.utf8),
      tunnelKey: credentials.tunnelKey.data,
      settings: settings)
  }
}

extension LaunchDefaults {
  /// As the configuration has it.
  public init(_ configuration: Configuration) {
    let network = configuration.network
    self.init(
      range: network.range, prefixLength: network.prefixLength, tunnelRange: .tunnels, ports: network.ports,
      publicAddress: network.publicAddress, clients: network.clients, flavors: configuration.flavors)
  }
}

extension IPv4Network {
  /// 172.16.0.0/12 of RFC 1918: the private range that is neither the projects' nor most users' homes.
  static let tunnels = IPv4Network(containing: IPv4Address(bits: 0xac10_0000), prefixLength: 12) ?? .tens
}
