import Foundation
import Names
import Payload
import Trust

/// A project with one user, made as a launch makes it.
struct BootProject: Sendable {
  let admin: OpenSSHKeyPair
  /// As nova hands it out: it decoded once what was encoded twice.
  let userData: String
  /// The user's profile, complete in one file.
  let profile: Secret

  init(now: Date = Date()) throws {
    let root = try CertificateAuthority.root(
      named: DistinguishedName(commonName: "cpbuild root"), key: .generate(), now: now)
    let project = try ProjectAuthority(
      root.issueAuthority(named: ProjectAuthority.name(project: "acme"), key: .generate(), now: now))
    let serverKey = try PrivateKey.generate()
    let server = try project.authority.issueServer(
      named: DistinguishedName(commonName: "acme-vpn"), dnsNames: [], publicKey: serverKey.publicKey, now: now)
    let userKey = try PrivateKey.generate()
    let user = try project.authority.issueClient(
      named: DistinguishedName(commonName: "alice"), publicKey: userKey.publicKey, now: now)
    let crl = try project.authority.revocationList(number: 1, revocations: [], now: now)
    let tunnelKey = try TLSCryptServerKey.generate()

    admin = try OpenSSHKeyPair.generate(comment: "acme-vpn")
    let settings = Settings(
      project: try ProjectID("acme"),
      mode: .bridged(
        address: try IPv4Address(BootCloud.address), netmask: try IPv4Address("255.255.255.0"),
        clients: try IPv4Address("10.66.0.250")...IPv4Address("10.66.0.254")), maxClients: 5)
    userData = try Payload(
      authorities: Data(project.anchor.pem.utf8), serverCertificate: Data(server.pem.utf8),
      serverKey: serverKey.pem().data, crl: Data(crl.pem.utf8), tunnelKey: tunnelKey.pem.data, settings: settings
    ).encoded(times: 1)
    profile = try Profile(
      remotes: [Remote(host: BootCloud.publicAddress, port: BootCloud.publicPort)], device: .tap,
      serverName: "acme-vpn", authorities: [project.anchor], certificate: user, key: .inline(userKey),
      tlsCrypt: tunnelKey.issueClientKey(.timestamp(now))
    ).render()
  }
}

extension Secret {
  var data: Data { withUnsafeBytes { Data($0) } }
}
