import Foundation
import Names
import Testing

@Suite("Addresses and networks")
struct AddressTests {
  @Test(
    "an IPv4 address reads back as it was written",
    arguments: ["0.0.0.0", "10.0.0.2", "255.255.255.255", "192.168.1.10"])
  func address(_ text: String) throws {
    #expect(try IPv4Address(text).text == text)
  }

  @Test(
    "anything but plain dotted decimal is refused",
    arguments: [
      "", "10.0.0", "10.0.0.0.1", "10.0.0.256", "010.0.0.1", "10.0.0.01", " 10.0.0.1", "10.0.0.1 ", "10.0.0.1\n",
      "10.0.0.-1", "10.0.0.+1", "0x0a.0.0.1", "10.0.0.1/24", "10..0.1", "a.b.c.d", "１０.0.0.1", "10.0.0.1\u{0}",
      "10.0.0.99999999999999999999",
    ])
  func addressRefused(_ text: String) {
    #expect(throws: NameError.self) { try IPv4Address(text) }
  }

  @Test("a network knows its addresses from both ends")
  func network() throws {
    let network = try IPv4Network("10.1.2.0/24")
    #expect(network.count == 256)
    #expect(network.netmask.text == "255.255.255.0")
    #expect(network.last.text == "10.1.2.255")
    #expect(network.address(at: 2)?.text == "10.1.2.2")
    #expect(network.address(at: -1)?.text == "10.1.2.255")
    #expect(network.address(at: -256)?.text == "10.1.2.0")
    #expect(network.address(at: 256) == nil)
    #expect(network.address(at: -257) == nil)
    #expect(network.lastHosts(5).map { "\($0.lowerBound)-\($0.upperBound)" } == "10.1.2.250-10.1.2.254")
    #expect(network.lastHosts(254)?.lowerBound.text == "10.1.2.1")
    #expect(network.lastHosts(255) == nil)
    #expect(network.lastHosts(0) == nil)
    #expect(network.lastHosts(.min) == nil)
    #expect(network.lastHosts(.max) == nil)
  }

  @Test("the smallest and the largest network work too")
  func extremes() throws {
    let all = try IPv4Network("0.0.0.0/0")
    #expect(all.count == 1 << 32)
    #expect(all.last.text == "255.255.255.255")
    #expect(all.netmask.text == "0.0.0.0")
    let one = try IPv4Network("10.0.0.7/32")
    #expect(one.hosts == (try IPv4Address("10.0.0.7"))...(try IPv4Address("10.0.0.7")))
    #expect(try IPv4Network("10.0.0.6/31").hosts.upperBound.text == "10.0.0.7")
    #expect(IPv4Network(containing: one.address, prefixLength: 33) == nil)
    #expect(IPv4Network(containing: one.address, prefixLength: -1) == nil)
    #expect(try IPv4Address("255.255.255.255").advanced(by: 1) == nil)
    #expect(try IPv4Address("0.0.0.0").advanced(by: -1) == nil)
    #expect(try IPv4Address("0.0.0.1").advanced(by: .max) == nil)
  }

  @Test("containing and overlapping agree with the addresses")
  func overlap() throws {
    let wide = try IPv4Network("10.1.0.0/16")
    let narrow = try IPv4Network("10.1.2.0/24")
    let other = try IPv4Network("10.2.0.0/16")
    #expect(wide.contains(narrow) && !narrow.contains(wide))
    #expect(wide.overlaps(narrow) && narrow.overlaps(wide) && narrow.overlaps(narrow))
    #expect(!wide.overlaps(other) && !other.overlaps(narrow))
    #expect(try wide.contains(IPv4Address("10.1.255.255")) && !wide.contains(IPv4Address("10.2.0.0")))
  }

  @Test(
    "a network with host bits, a bad prefix or spaces is refused",
    arguments: [
      "", "10.0.0.0", "10.0.0.1/24", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/ 8", "10.0.0.0/",
      "10.0.0.0/8/8", "/8", "fd00::/8",
    ])
  func networkRefused(_ text: String) {
    #expect(throws: NameError.self) { try IPv4Network(text) }
  }

  @Test("the error for set host bits names the network that was meant")
  func remedy() throws {
    let error = try #require(throws: NameError.self) { try IPv4Network("10.0.0.77/24") }
    #expect(error.description.contains("10.0.0.0/24"))
  }

  @Test(
    "IPv6 addresses are written as RFC 5952 has them",
    arguments: [
      ("::", "::"), ("::1", "::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("fd00:0001::0002", "fd00:1::2"),
      ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
    ])
  func ipv6(_ text: String, _ expected: String) throws {
    #expect(try IPv6Address(text).text == expected)
  }

  @Test(
    "what isn't an IPv6 address is refused",
    arguments: [
      "", ":", ":::", "1::2::3", "2001:db8::g", "fe80::1%eth0", "[::1]", " ::1", "::1 ", "::1\u{0}", "10.0.0.1",
      "12345::",
    ])
  func ipv6Refused(_ text: String) {
    #expect(throws: NameError.self) { try IPv6Address(text) }
  }

  @Test("IPv6 networks contain, overlap and count")
  func ipv6Network() throws {
    let network = try IPv6Network("fd00:1::/64")
    #expect(network.text == "fd00:1::/64")
    #expect(network.last.text == "fd00:1::ffff:ffff:ffff:ffff")
    #expect(network.address(at: 2)?.text == "fd00:1::2")
    #expect(network.address(at: 1 << 64) == nil)
    #expect(try network.contains(IPv6Address("fd00:1::5")) && !network.contains(IPv6Address("fd00:2::5")))
    #expect(try IPv6Network("fd00::/8").overlaps(network) && !network.overlaps(IPv6Network("fd00:2::/64")))
    #expect(try IPv6Network("::/0").contains(network))
    for text in ["fd00::1/64", "fd00::/129", "fd00::", "10.0.0.0/8", "fd00::/064"] {
      #expect(throws: NameError.self) { try IPv6Network(text) }
    }
  }

  @Test("a MAC address is kept in lower case; group and zero addresses are refused")
  func mac() throws {
    #expect(try MACAddress("FA:16:3E:00:0a:01").text == "fa:16:3e:00:0a:01")
    for text in [
      "", "fa:16:3e:00:0a", "fa:16:3e:00:0a:01:02", "fa-16-3e-00-0a-01", "f:16:3e:00:0a:01", "01:00:5e:00:00:01",
      "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "fa:16:3e:00:0a:+1", "fa:16:3e:00:0a:0g",
    ] {
      #expect(throws: NameError.self) { try MACAddress(text) }
    }
    let random = MACAddress.random()
    #expect(random.text.hasPrefix("fa:16:3e:"))
    #expect(try MACAddress(random.text) == random)
  }

  @Test("a port is 1 to 65535, in JSON too")
  func port() throws {
    #expect(try PortNumber("1194") == .openVPN)
    #expect(try PortNumber("65535").rawValue == 65535)
    for text in ["", "0", "65536", "-1", "+1", "01194", " 1194", "1194 ", "a", "99999999999999999999999"] {
      #expect(throws: NameError.self) { try PortNumber(text) }
    }
    #expect(PortNumber(0) == nil && PortNumber(65536) == nil && PortNumber(-1) == nil)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([PortNumber].self, from: Data("[0]".utf8)) }
    #expect(try JSONDecoder().decode([PortNumber].self, from: Data("[1194]".utf8)) == [.openVPN])
  }
}
