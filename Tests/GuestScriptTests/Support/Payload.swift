import Foundation

/// The files of a payload as they lie unpacked, and what is needed to make clients for it.
struct TestPayload {
  let authority: Authority
  var settings: [String: String]

  init(_ settings: [String: String]) throws {
    authority = try Authority()
    self.settings = ["PROJECT": "acme", "NETWORK": "acme-net"].merging(settings) { $1 }
    try Shell.check(["openvpn", "--genkey", "tls-crypt-v2-server", authority.path("tls-crypt-v2.key")])
  }

  func remove() { authority.remove() }

  /// Writes the files into a folder of a guest.
  func write(to folder: String, in guest: Namespace, crl: String) throws {
    let files = ["ca.crt", "server.crt", "server.key", "tls-crypt-v2.key"]
    for file in files { try guest.copy(authority.path(file), to: "\(folder)/\(file)") }
    try guest.copy(crl, to: "\(folder)/crl.pem")
    try guest.copy(Repository.autorun, to: "\(folder)/autorun.sh")
    let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }
    try guest.write(lines.joined(), to: "\(folder)/settings")
  }

  /// A client's configuration with everything inline.
  /// - Parameter chain: further certificates that the client sends along.
  func profile(_ user: String, remote: String, device: String, chain: [String] = []) throws -> String {
    let key = authority.path("\(user).tls-crypt-v2")
    try Shell.check([
      "openvpn", "--tls-crypt-v2", authority.path("tls-crypt-v2.key"), "--genkey", "tls-crypt-v2-client", key,
    ])
    let certificates = try ([user] + chain).map { try authority.read("\($0).crt") }.joined()
    return """
      client
      dev \(device)9
      dev-type \(device)
      proto udp4
      remote \(remote)
      nobind
      remote-cert-tls server
      verify-x509-name server name
      connect-retry 1
      connect-retry-max 3
      connect-timeout 5
      explicit-exit-notify 1
      verb 4
      <ca>\n\(try authority.read("ca.crt"))</ca>
      <cert>\n\(certificates)</cert>
      <key>\n\(try authority.read("\(user).key"))</key>
      <tls-crypt-v2>\n\(try String(contentsOfFile: key, encoding: .utf8))</tls-crypt-v2>

      """
  }
}
