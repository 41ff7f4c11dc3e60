public import Foundation
import Names
public import State
public import Trust

/// What a cloudpipe's payload is made of.
public struct ServerCredentials: Sendable {
  /// `ca.crt`: the anchors of the project's CAs, in PEM.
  public let authorities: String
  public let certificate: String
  public let key: Secret
  /// `crl.pem`: the newest CRL of each of the project's CAs.
  public let crl: String
  /// When the first of them ends; nil where a CA has none.
  public let crlEnd: Date?
  /// The tls-crypt-v2 server key, in PEM.
  public let tunnelKey: Secret
}

extension TrustKeeper {
  /// The credentials of the network's cloudpipe. A certificate that has more than a third of its life left is kept.
  ///
  /// - Throws: ``TrustKeeperError``, `StateError`, `TrustError`.
  public func serverCredentials(of network: NetworkID) async throws -> ServerCredentials {
    let issuer = try await issuer(of: network.project)
    var certificate = try await current(of: network, issuer.row)
    if certificate == nil { certificate = try await issueServer(of: network, issuer) }
    try await renewDue(of: network.project)
    guard let certificate, let file = certificate.keyFile else {
      throw TrustKeeperError.noKey(authority: LaunchedNames.instance(of: network))
    }
    let (trusted, crls) = try await state.read { state in
      let trusted = try state.authorities.trusted(of: network.project)
      return (trusted, try trusted.compactMap { try state.crls.newest(of: $0.id) })
    }
    return ServerCredentials(
      authorities: try trusted.compactMap(\.anchor).map { try Trust.Certificate(der: Array($0)).pem }.joined(),
      certificate: certificate.pem, key: try keyring.secret(file), crl: crls.map(\.pem).joined(),
      crlEnd: crls.count == trusted.count ? crls.map(\.nextUpdate).min() : nil, tunnelKey: issuer.tunnelKey.pem)
  }

  private func current(of network: NetworkID, _ issuer: Authority) async throws -> State.Certificate? {
    let moment = now
    let keys = state.keys
    return try await state.read { state in
      guard let lineage = try state.lineages.live(server: network.name, of: network.project),
        let newest = try state.certificates.newest(in: lineage.id), newest.authorityId == issuer.id,
        let file = newest.keyFile, (try? keys.require(file)) != nil
      else { return nil }
      let life = newest.notAfter.timeIntervalSince(newest.notBefore)
      return newest.notAfter.timeIntervalSince(moment) > life / 3 ? newest : nil
    }
  }

  private func issueServer(of network: NetworkID, _ issuer: Issuer) async throws -> State.Certificate {
    let moment = now
    let key = try PrivateKey.generate(configuration.trust.keyType)
    let file = try KeyFile.instance("server-\(UUID().uuidString).pem")
    try keyring.write(try key.pem(), as: file)
    let made = try issuer.authority.issueServer(
      named: DistinguishedName(
        commonName: LaunchedNames.instance(of: network), organization: network.project.text),
      dnsNames: [], publicKey: key.publicKey, now: moment, lifetime: configuration.trust.lifetimes.server)
    return try await state.write { state in
      try state.requireIssuing(issuer.row.id, network.project)
      let lineage = try state.lineages.ensure(server: network.name, of: network.project, at: moment)
      let row = State.Certificate(
        authorityId: issuer.row.id, serial: try State.SerialNumber(bytes: made.serial.octets), lineageId: lineage.id,
        certificate: Data(made.der), keyFile: file, notBefore: made.notBefore, notAfter: made.notAfter,
        createdAt: moment)
      try state.certificates.insert(row)
      return row
    }
  }
}
