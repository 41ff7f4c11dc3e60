import Names
import Testing

@Suite("Host names")
struct HostNameTests {
  @Test(
    "names are kept in lower case",
    arguments: ["vpn.example.org", "VPN.Example.org", "a", "a-b", "3com.com", "xn--bcher-kva.example"])
  func accepted(_ text: String) throws {
    #expect(try HostName(text).text == text.lowercased())
  }

  @Test(
    "what isn't a host name is refused",
    arguments: [
      "", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "10.0.0.300", "10.0.0.1", "1", "bücher.example", "a\n",
      "a/b", "a:1", String(repeating: "x", count: 64), Array(repeating: "abcdefg", count: 32).joined(separator: "."),
    ])
  func refused(_ text: String) {
    #expect(throws: NameError.self) { try HostName(text) }
  }
}
