import Host
import Testing

@testable import ImageBuilding

@Suite("a publisher's checksums")
struct PublishedSumsTests {
  private let one = Digest.sha256("one")
  private let two = Digest.sha256("two")

  @Test("are read in every format in which they are published")
  func formats() {
    let sums = PublishedSums(
      """
      -----BEGIN PGP SIGNED MESSAGE-----
      Hash: SHA512

      \(one.hex)  text.img
      \(two.hex) *binary.img
      \(one.hex.uppercased())  ./folder.img
      SHA256 (bsd file.img) = \(two.hex)\r
      # \(one.hex)  comment.img
      not-a-digest  other.img
      """)
    #expect(
      sums.digests == ["text.img": one, "binary.img": two, "folder.img": one, "bsd file.img": two])
  }

  @Test("that contradict themselves are none")
  func contradiction() {
    #expect(PublishedSums("\(one.hex)  a\n\(two.hex)  a\n").digests.isEmpty)
  }

  @Test("of a range are read, and of nonsense aren't")
  func ranges() {
    #expect(ContentRange("bytes 100-199/1000")?.first == 100)
    #expect(ContentRange("bytes 100-199/1000")?.total == 1000)
    #expect(ContentRange("bytes 100-199/*")?.total == nil)
    for text in [nil, "", "bytes */1000", "bytes -5-9/10", "100-199/1000", "bytes 99999999999999999999-1/2"] {
      #expect(ContentRange(text) == nil)
    }
  }
}

@Suite("an address to download from")
struct HTTPAddressTests {
  @Test(
    "is http or https, without a password",
    arguments: [
      "file:///etc/passwd", "ftp://a.example/b", "a.img", "http://", "https://user:secret@a.example/b",
      "http+unix://x/y",
    ])
  func refused(text: String) {
    let error = #expect(throws: BaseError.self) { try HTTPAddress(text) }
    #expect(error?.description.contains("secret") == false)
  }

  @Test("is shown without its query")
  func query() throws {
    #expect(try HTTPAddress("https://a.example/b.img?signature=secret").description == "https://a.example/b.img")
  }

  @Test("that is encrypted never leads to one that isn't")
  func downgrade() throws {
    let address = try HTTPAddress("https://a.example/b/c.img")
    #expect(try address.following("/d.img").description == "https://a.example/d.img")
    #expect(throws: BaseError.self) { try address.following("http://a.example/d.img") }
  }

  @Test("is reached through the proxy of the environment, unless that says otherwise")
  func proxy() throws {
    let address = try HTTPAddress("https://a.example/b")
    let choose = { (environment: [String: String]) in try HTTPProxy.choose(for: address, environment: environment) }
    #expect(try choose([:]) == nil)
    #expect(try choose(["http_proxy": "http://p:1"]) == nil)
    #expect(try choose(["https_proxy": "p.example:3128"]) == HTTPProxy(host: "p.example", port: 3128))
    #expect(try choose(["all_proxy": "http://p:1"]) == HTTPProxy(host: "p", port: 1))
    #expect(try choose(["https_proxy": "http://p:1", "no_proxy": "b.example, .example"]) == nil)
    #expect(throws: BaseError.self) { try choose(["https_proxy": "socks5://p:1"]) }
  }
}
