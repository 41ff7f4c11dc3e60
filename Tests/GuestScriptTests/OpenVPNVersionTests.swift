import OpenVPNVersions
import Testing

/// What only a client asks for.
private let clientOnly: Set<String> = ["connect-retry", "nobind"]

@Suite("For OpenVPN 2.5, 2.6 and 2.7")
struct OpenVPNVersionTests {
  @Test("each server template uses what all of them know, and leaves nothing to a default that changed")
  func templates() throws {
    let common = try Repository.text(of: "/etc/openvpn/server.conf.common")
    for (template, irrelevant) in [("", ["topology"]), (".routed", [])] as [(String, [String])] {
      let text = try Repository.text(of: "/etc/openvpn/server.conf\(template).template")
      let configuration = OpenVPNConfiguration(common + text)
      #expect(configuration.options.count > 20)
      // A bridge has no topology.
      #expect(configuration.complaints(irrelevant: clientOnly.union(irrelevant)).isEmpty)
    }
  }

  @Test("the server is started with options that all of them know")
  func commandLine() throws {
    let started = OpenVPNConfiguration(script: try Repository.text(of: "/usr/local/lib/cloudpipe/start-openvpn"))
    #expect(started.options == ["daemon", "writepid", "config", "suppress-timestamps"])
    let unknown = started.options.filter { OpenVPNOption.known[$0]?.isUsable != true }
    #expect(unknown.isEmpty)
  }

  @Test(
    "a configuration that one of them refuses is told",
    arguments: [
      ("ncp-disable", "ncp-disable was removed in 2.6"), ("no-replay", "no-replay was removed in 2.7"),
      ("peer-fingerprint x", "peer-fingerprint came with 2.6"), ("push \"inetd\"", "inetd was removed in 2.6"),
      ("made-up", "made-up isn't in the table of options"),
    ])
  func refused(line: String, complaint: String) throws {
    let text = try Repository.text(of: "/etc/openvpn/server.conf.common") + line + "\n"
    #expect(OpenVPNConfiguration(text).complaints(irrelevant: clientOnly.union(["topology"])) == [complaint])
    #expect(
      OpenVPNConfiguration("dh none\n").complaints(irrelevant: clientOnly.union(["topology"])).contains {
        $0.hasPrefix("data-ciphers is left to a default that changed")
      })
  }
}
