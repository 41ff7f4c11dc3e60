import Testing
import Trust

@Suite("Names, serials and addresses")
struct NameTests {
  @Test(
    "names within the bounds of RFC 5280 are taken", arguments: ["a", String(repeating: "ü", count: 64), "Ann O'Hara"])
  func names(text: String) throws {
    let name = try DistinguishedName(commonName: text, organization: text, organizationalUnit: text)
    #expect(name.commonName == text && name.organization == text && name.organizationalUnit == text)
  }

  @Test(
    "names that are empty, too long or have invisible characters are refused",
    arguments: [
      "", String(repeating: "a", count: 65), "a\nb", "a\0", "a\u{202e}b", "a\u{200b}", "\u{7f}", "a\u{2028}b",
    ])
  func badNames(text: String) {
    #expect(throws: TrustError.self) { try DistinguishedName(commonName: text) }
    #expect(throws: TrustError.self) { try DistinguishedName(commonName: "a", organization: text) }
    #expect(throws: TrustError.self) { try DistinguishedName(commonName: "a", organizationalUnit: text) }
  }

  @Test("ten thousand serials are all different, positive and longer than 64 bits")
  func serials() throws {
    var seen: Set<SerialNumber> = []
    for _ in 0..<10_000 {
      let serial = try SerialNumber.random()
      #expect(serial.octets.count == 16 && serial.octets[0] & 0x80 == 0)
      seen.insert(serial)
    }
    #expect(seen.count == 10_000)
  }

  @Test("a serial survives both of its texts")
  func serialTexts() throws {
    let serial = try SerialNumber(hex: "0a:ff:00:1B")
    #expect(serial.description == "0AFF001B" && serial.colonHex == "0a:ff:00:1b")
    #expect(try SerialNumber(hex: serial.description) == serial)
    #expect(try SerialNumber(hex: "aff001b") == serial)
  }

  @Test(
    "texts that are no serial are refused",
    arguments: [
      "", "0", "00:00", "xyz", "-1", "0x1", "1 2", String(repeating: "ff", count: 20),
      String(repeating: "1", count: 100), "１",
    ])
  func badSerials(text: String) {
    #expect(throws: TrustError.self) { try SerialNumber(hex: text) }
  }

  @Test(
    "host names and addresses are told from what could be a configuration line",
    arguments: [
      ("vpn.example.org", true), ("203.0.113.7", true), ("2001:db8::1", true), ("", false), ("a b", false),
      ("a\nb", false), ("-a", false), ("a..b", false), ("host;reboot", false), ("fe80::1%eth0", false), (":::", false),
      (String(repeating: "a.", count: 101) + "a", false), ("2001:db8::1\n", false), ("\"x\"", false), ("#x", false),
    ])
  func remotes(host: String, good: Bool) {
    #expect(((try? Remote(host: host, port: 1194)) != nil) == good)
    #expect(throws: TrustError.self) { try Remote(host: host, port: 0) }
  }

  @Test(
    "a CRL location is an http URI and nothing else",
    arguments: [
      ("http://crl.example/a.crl", true), ("https://[2001:db8::1]:8080/x@y", true), ("ftp://x/y", false),
      ("http://u:sekret@h/crl", false), ("http://u@h", false), ("http://h/crl?b=c", false), ("http://h/crl#d", false),
      ("http://", false), ("http://a b", false), ("http://a\n", false), ("file:///etc/passwd", false),
      ("http://ü.example/", false), ("http://" + String(repeating: "a", count: 1024), false),
    ])
  func crlLocations(uri: String, good: Bool) {
    #expect(((try? CRLLocation(uri)) != nil) == good)
  }
}
