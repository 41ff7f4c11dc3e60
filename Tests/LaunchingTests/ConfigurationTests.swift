import Clouds
import Declarations
import Names
import State
import SystemPackage
import Testing
import Trust

@testable import Launching

@Suite("The configuration") struct ConfigurationTests {
  private func read(_ text: String) throws -> Configuration {
    try Configuration(text: text, file: "/home/cpbuild.yaml")
  }

  @Test("is optional, and so is all of it")
  func empty() throws {
    #expect(try read("") == Configuration())
    #expect(try read("# nothing\n\n") == Configuration())
  }

  @Test("says what it says")
  func full() throws {
    let configuration = try read(
      """
      trust:
        key-type: p384
        ssh-key-type: rsa
        lifetimes: {client: 30d, crl: 12h}
        crl-url: http://crl.example/x/
        passphrase: {file: secret}
      network: {range: 192.168.0.0/16, prefix: 26, public-ip: 192.0.2.1, ports: 1000-1999, clients: 9}
      flavors: {m1.small: {processors: 2, memory: 1 GiB, disk: 4 GiB}}
      """)
    #expect(configuration.trust.keyType == .p384 && configuration.trust.keyPairType == .rsa)
    #expect(configuration.trust.lifetimes.client.seconds == 30 * 86_400)
    #expect(configuration.trust.lifetimes.crl.seconds == 43_200)
    #expect(configuration.trust.crlAddress == "http://crl.example/x")
    #expect(configuration.trust.passphrase == .file("/home/secret"))
    #expect(configuration.network.prefixLength == 26 && configuration.network.clients == 9)
    #expect(configuration.flavors["m1.small"]?.memory == 1024 && configuration.flavors["m1.tiny"] != nil)
  }

  @Test(
    "is refused with the place of what is wrong",
    arguments: [
      ("trust:\n  key-type: p512", 2, 13), ("trust:\n  kye-type: p256", 2, 3), ("nonsense: 1", 1, 1),
      ("trust:\n  lifetimes: {crl: 10y}", 2, 20), ("trust: {lifetimes: {client: 5 fortnights}}", 1, 29),
      ("network: {ports: 9-1}", 1, 18), ("network: {range: 10.0.0.1/8}", 1, 18),
      ("trust: {passphrase: {credential: ../x}}", 1, 34), ("trust: {passphrase: the-secret-itself}", 1, 21),
      ("flavors: {a: {processors: 1}}", 1, 11), ("trust: {crl-url: 'http://u:the-secret-itself@h/crl?b=c'}", 1, 18),
    ])
  func refusals(text: String, line: Int, column: Int) throws {
    do {
      _ = try read(text)
      Issue.record("it was taken")
    } catch let error as DeclarationError {
      #expect((error.line, error.column) == (line, column), "\(error)")
      #expect(!"\(error)".contains("the-secret-itself"), "\(error)")
    }
  }
}
