import Foundation
import OpenVPNVersions
import Testing
import Trust

@Suite("Profiles")
struct ProfileTests {
  let fixture: Fixture
  let server: TLSCryptServerKey

  init() throws {
    fixture = try Fixture()
    server = try .generate()
  }

  private func profile(
    serverName: String = "acme-vpn", device: Profile.Device = .tun, key: Profile.Key? = nil,
    authorities: [Certificate]? = nil, remotes: [Remote]? = nil
  ) throws -> Profile {
    let alice = try fixture.client("alice")
    return try Profile(
      remotes: remotes ?? [Remote(host: "203.0.113.7", port: 20001), Remote(host: "vpn.example.org", port: 1194)],
      device: device, serverName: serverName, authorities: authorities ?? [fixture.project.anchor],
      certificate: alice.certificate, key: key ?? .inline(alice.key), tlsCrypt: server.issueClientKey(.user([])))
  }

  @Test("a profile has every option once, and its parts can be read back")
  func contents() throws {
    let text = try profile().render().exposedText
    let lines = text.split(separator: "\n").map(String.init)
    for line in [
      "client", "dev tun", "proto udp", "remote 203.0.113.7 20001 udp", "remote vpn.example.org 1194 udp", "nobind",
      "persist-key", "persist-tun", "remote-cert-tls server", "verify-x509-name acme-vpn name", "tls-version-min 1.2",
      "data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305", "auth-nocache", "explicit-exit-notify 1", "<ca>",
      "</ca>", "<cert>", "</cert>", "<key>", "</key>", "<tls-crypt-v2>", "</tls-crypt-v2>",
    ] { #expect(lines.count { $0 == line } == 1, "\(line)") }
    let authorities = try #require(text.firstMatch(of: /<ca>\n([^<]*)<\/ca>/)).1
    #expect(try Certificate.all(inPEM: String(authorities)) == [fixture.project.anchor])
    #expect(!lines.contains { $0.hasPrefix("comp") || $0.hasPrefix("route") || $0.hasPrefix("cipher") })
    #expect(lines.allSatisfy { $0.utf8.count < 256 })
    #expect(try profile(device: .tap).render().exposedText.contains("\ndev tap\n"))
  }

  @Test("a profile is taken by OpenVPN 2.5, 2.6 and 2.7, and leaves nothing to a default that changed")
  func versions() throws {
    for device in Profile.Device.allCases {
      let configuration = OpenVPNConfiguration(try profile(device: device).render().exposedText)
      #expect(configuration.options.isSuperset(of: ["client", "ca", "tls-crypt-v2", "verb"]))
      // The server's to say.
      #expect(configuration.complaints(irrelevant: ["allow-compression", "dh", "topology"]).isEmpty)
    }
  }

  @Test("a profile for a key that stayed with its user names the file and holds no key")
  func ownKey() throws {
    let profile = try profile(key: .file("alice.key"))
    let text = try profile.render().exposedText
    #expect(text.contains("\nkey alice.key\n") && !text.contains("<key>") && !text.contains("PRIVATE KEY"))
    let bundle = try CredentialsBundle(profile, stem: "alice")
    #expect(bundle.files.map(\.name) == ["alice.ovpn", "ca.crt", "alice.crt", "alice.tls-crypt-v2.key"])
  }

  @Test("a bundle has profile, certificate, key and CA certificate, and says what is private")
  func bundle() throws {
    let bundle = try CredentialsBundle(profile(), stem: "alice")
    #expect(
      bundle.files.map(\.name) == ["alice.ovpn", "ca.crt", "alice.crt", "alice.key", "alice.tls-crypt-v2.key"])
    #expect(bundle.files.map(\.isPrivate) == [true, false, false, true, true])
    #expect(bundle.files.allSatisfy { $0.isPrivate || !$0.contents.exposedText.contains("KEY") })
  }

  @Test(
    "no value can end a line, open a block or leave a folder",
    arguments: [
      "", "a b", "a\nup /bin/sh", "a\"", "a'", "a#", "a;", "</ca>", "$x", "a\\", "../a", "a/b", ".a", "-a", "ü", "a\0",
      String(repeating: "a", count: 65),
    ])
  func injection(value: String) {
    #expect(throws: TrustError.self) { try profile(serverName: value) }
    #expect(throws: TrustError.self) { try profile(key: .file(value)) }
    #expect(throws: TrustError.self) { try CredentialsBundle(profile(), stem: value) }
  }

  @Test("what a project id can be a server's name can be", arguments: ["_x-vpn", "9.A_-vpn"])
  func serverNames(name: String) throws {
    #expect(try profile(serverName: name).render().exposedText.contains("\nverify-x509-name \(name) name\n"))
  }

  @Test("a profile that couldn't connect isn't made")
  func inconsistent() throws {
    let other = try Fixture(project: "zeta")
    let key = try PrivateKey.generate()
    #expect(throws: TrustError.self) { try profile(authorities: [other.project.anchor]) }
    #expect(throws: TrustError.self) { try profile(authorities: []) }
    #expect(throws: TrustError.self) { try profile(key: .inline(key)) }
    #expect(throws: TrustError.self) { try profile(remotes: []) }
  }
}
