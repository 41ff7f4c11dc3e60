import Foundation
import Testing

private let refresh = "/usr/local/sbin/cloudpipe-refresh-crl"

/// Profiles of the built program's making against a cloudpipe configured by the product's own payload. One after another:
/// each runs several OpenVPN processes, and waits for them by the clock.
@Suite("cpbuild's users", .serialized, .ownThreads)
struct ProductTests {
  @Test(
    "get in when they may, and nobody else does, with every type of key",
    arguments: ["p256", "p384", "ed25519", "rsa3072", "rsa4096"])
  func admission(keyType: String) async throws {
    let product = try await Product(keyType: keyType)
    defer { product.end() }
    try await product.boot()
    let alice = try product.add("alice")
    let bob = try product.add("bob")
    let inside = try admits(bob, by: product)
    #expect(try product.cpbuild(["user", "revoke", "acme", "bob"]).succeeded)
    let outcome = try product.project.guest.run(refresh)
    #expect(outcome.succeeded && outcome.output.hasSuffix(" revoked bob\n"), "\(outcome)")
    #expect(try inside.machine.wait(for: "! pgrep -x openvpn"), "bob's client goes on")

    try refuses(bob, by: product, saying: "error=certificate revoked: .*CN=bob")
    let carol = try product.add("carol", ["--expires", "1s"])
    try await Task.sleep(for: .seconds(2))
    try refuses(carol, by: product, saying: "error=certificate has expired: .*CN=carol")
    // Everything else of theirs is right.
    let server = try await product.serverCredentials().reduce(alice) { replacing($1.key, in: $0, by: $1.value) }
    try refuses(server, by: product, saying: "error=unsuitable certificate purpose: .*CN=acme-vpn")
    let stranger = try product.add("mallory", to: "zeta")
    let disguised = ["ca", "tls-crypt-v2"].reduce(stranger) { replacing($1, in: $0, by: block($1, of: alice)) }
      .replacingOccurrences(of: "zeta-vpn", with: "acme-vpn")
    try refuses(disguised, by: product, saying: "error=unable to get local issuer certificate: .*CN=mallory")
    try refuses(
      replacing("tls-crypt-v2", in: alice, by: block("tls-crypt-v2", of: stranger)), by: product,
      saying: "can not extract tls-crypt-v2 client key")
    try ends(admits(alice, by: product))

    try await product.outdateCRL()
    try refuses(alice, by: product, saying: "error=CRL has expired: .*CN=alice")
    #expect(try product.cpbuild(["crl", "renew", "acme"]).succeeded)
    #expect(try product.project.guest.run(refresh).succeeded)
    try ends(admits(alice, by: product))
  }

  @Test("stay in through every step of 'cpbuild ca renew', each with the restart and the profile that it asks for")
  func rollover() async throws {
    let product = try await Product(keyType: "p256")
    defer { product.end() }
    func renew(_ step: String) throws -> Outcome { try product.cpbuild(["ca", "renew", "acme", "--step", step]) }
    func refreshes() throws {
      let outcome = try product.project.guest.run(refresh)
      #expect(outcome.succeeded, "\(outcome)")
    }
    try await product.boot()
    let first = try product.add("alice")
    try ends(admits(first, by: product))

    #expect(try renew("announce").succeeded)
    try refreshes()
    try ends(admits(first, by: product))
    try await product.boot()
    try ends(admits(first, by: product))
    #expect(try renew("switch").status == 3, "alice's profile doesn't trust the new CA yet")
    let second = try product.add("alice", ["--renew"])
    let bob = try product.add("bob")
    try ends(admits(second, by: product))

    #expect(try renew("switch").succeeded)
    try refreshes()
    try ends(admits(second, by: product))
    let early = try product.add("alice", ["--renew"])
    try await product.boot()
    for profile in [second, early, bob] { try ends(admits(profile, by: product)) }
    #expect(try renew("settle").status == 3, "bob has no certificate of the new CA")
    #expect(try product.cpbuild(["user", "revoke", "acme", "bob"]).succeeded)
    try refreshes()
    try refuses(bob, by: product, saying: "error=certificate revoked: .*CN=bob")

    #expect(try renew("settle").succeeded)
    try refreshes()
    try ends(admits(early, by: product))
    try await product.boot()
    try ends(admits(early, by: product))
    try refuses(second, by: product, saying: "error=self.signed certificate in certificate chain: .*CN=acme CA")
  }

  @Test("get in, and who was revoked doesn't, where thousands were revoked and their list fits no payload")
  func longCRL() async throws {
    let product = try await Product(keyType: "p256")
    defer { product.end() }
    try await product.revokeOthers(3000)
    let alice = try product.add("alice")
    let bob = try product.add("bob")
    #expect(try product.cpbuild(["user", "revoke", "acme", "bob"]).succeeded)
    try await product.boot()
    #expect(try product.project.guest.check("grep -c '^revoked ' /run/cloudpipe/crls/*.facts") == "3001\n")
    try ends(admits(alice, by: product))
    try refuses(bob, by: product, saying: "error=certificate revoked: .*CN=bob")
  }

  private func admits(_ profile: String, by product: Product) throws -> Project.Client {
    let client = try product.project.client(profile)
    let log = product.project.guest.read("/tmp/openvpn.log").suffix(3000)
    #expect(try client.connects(), "\(client.machine.read(client.log)) \(log)")
    #expect(try client.machine.wait(for: "busybox ping -c 1 -W 1 10.0.0.1"))
    return client
  }

  /// A refused client hears nothing: the server says why.
  private func refuses(_ profile: String, by product: Product, saying reason: String) throws {
    try product.project.guest.check("wc -l </tmp/openvpn.log >/tmp/seen")
    let client = try product.project.client(profile)
    let said = "tail -n +$(($(cat /tmp/seen) + 1)) /tmp/openvpn.log"
    #expect(try product.project.guest.wait(for: "\(said) | grep -q '\(reason)'"), "\(reason)")
    #expect(try product.project.guest.run("\(said) | grep -q 'Peer Connection Initiated'").status == 1, "\(reason)")
    try ends(client)
  }

  private func ends(_ client: Project.Client) throws { try client.machine.check("pkill -x openvpn") }

  private func block(_ name: String, of profile: String) -> String {
    profile.components(separatedBy: "<\(name)>\n").last?.components(separatedBy: "</\(name)>").first ?? ""
  }

  private func replacing(_ name: String, in profile: String, by content: String) -> String {
    profile.replacingOccurrences(of: block(name, of: profile), with: content)
  }
}
