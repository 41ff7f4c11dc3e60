import Foundation
import Names
import Payload
import Testing

@Suite("Settings")
struct SettingsTests {
  @Test("a bridged network's settings, one a line")
  func bridged() throws {
    #expect(
      try Sample.settings().text() == """
        PROJECT=acme
        NETWORK=default
        MODE=bridged
        PORT=1194
        VPN_IP=10.1.0.2
        DHCP_SUBNET=255.255.255.0
        DHCP_LOWER=10.1.0.250
        DHCP_UPPER=10.1.0.254
        MAX_CLIENTS=5

        """)
  }

  @Test("a routed network's settings with everything")
  func routed() throws {
    var settings = try Sample.settings()
    settings.mode = .routed(pool: try IPv4Network("10.8.0.0/24"), pool6: try IPv6Network("fd00:8::/64"))
    settings.routes = [try IPv4Network("10.2.0.0/16"), try IPv4Network("10.3.0.0/16")]
    settings.routes6 = [try IPv6Network("fd00:2::/64")]
    settings.dns = [try IPv4Address("10.1.0.53")]
    settings.dns6 = [try IPv6Address("fd00:1::53")]
    settings.dnsDomain = try HostName("acme.example")
    settings.crlLocation = try CRLLocation("http://10.1.0.1:8775/crl/acme.pem")
    settings.crlEnd = Date(timeIntervalSince1970: 1_796_774_400.75)
    #expect(
      try settings.text() == """
        PROJECT=acme
        NETWORK=default
        MODE=routed
        PORT=1194
        POOL=10.8.0.0/24
        POOL6=fd00:8::/64
        ROUTES=10.2.0.0/16,10.3.0.0/16,fd00:2::/64
        DNS=10.1.0.53,fd00:1::53
        DNS_DOMAIN=acme.example
        CRL_URL=http://10.1.0.1:8775/crl/acme.pem
        CRL_UNTIL=1796774400
        MAX_CLIENTS=5

        """)
  }

  @Test("values that don't fit each other are refused by their key")
  func misfits() throws {
    let own = try IPv4Address("10.1.0.2")
    let mask = try IPv4Address("255.255.255.0")
    let clients = try IPv4Address("10.1.0.250")...IPv4Address("10.1.0.254")
    let cases: [(Settings.Mode, String)] = [
      (.bridged(address: clients.lowerBound, netmask: mask, clients: clients), "DHCP_LOWER"),
      (.bridged(address: try IPv4Address("10.2.0.2"), netmask: mask, clients: clients), "DHCP_LOWER"),
      (.bridged(address: own, netmask: try IPv4Address("255.0.255.0"), clients: clients), "DHCP_SUBNET"),
      (.routed(pool: try IPv4Network("10.8.0.0/30"), pool6: nil), "POOL"),
      (.routed(pool: try IPv4Network("10.0.0.0/8"), pool6: nil), "POOL"),
      (.routed(pool: try IPv4Network("10.8.0.0/24"), pool6: try IPv6Network("fd00::/48")), "POOL6"),
    ]
    for (mode, key) in cases {
      var settings = try Sample.settings()
      settings.mode = mode
      let error = #expect(throws: PayloadError.self) { try settings.text() }
      guard case .setting(key, _) = error else {
        Issue.record("\(mode): \(String(describing: error))")
        continue
      }
    }
    var none = try Sample.settings()
    none.maxClients = 0
    #expect(throws: PayloadError.self) { try none.text() }
  }

  @Test(
    "a CRL URL holds nothing that a shell or a line could be hurt by",
    arguments: [
      "", "ftp://a/b", "http://", "http://a b", "http://a\nPORT=1", "http://a/$(x)", "http://a/?x", "http://a/`",
      "http://a/'", "http://é", "file:///etc/shadow",
    ])
  func crlLocation(_ text: String) {
    #expect(throws: NameError.self) { try CRLLocation(text) }
  }
}
