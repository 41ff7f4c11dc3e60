import Foundation
import Testing
import Trust

@Suite("tls-crypt-v2 keys")
struct TLSCryptTests {
  @Test("metadata comes out of a wrapped key as it went in, up to the limit")
  func roundTrip() throws {
    let server = try TLSCryptServerKey(pem: TLSCryptServerKey.generate().pem)
    for metadata: TLSCryptMetadata in [
      .timestamp(Date(timeIntervalSince1970: 1_800_000_000)), .user([]), .user([UInt8](repeating: 7, count: 733)),
    ] {
      let client = try server.issueClientKey(metadata)
      #expect(try server.metadata(of: TLSCryptClientKey(pem: client.pem)) == metadata)
    }
    #expect(throws: TrustError.self) { try server.issueClientKey(.user([UInt8](repeating: 7, count: 734))) }
  }

  @Test("another server's key, and one that was tampered with, don't unwrap")
  func refused() throws {
    let (a, b) = (try TLSCryptServerKey.generate(), try TLSCryptServerKey.generate())
    let client = try a.issueClientKey(.user([1, 2, 3]))
    #expect(throws: TrustError.self) { try b.metadata(of: client) }
    let lines = client.pem.exposedText.split(separator: "\n")
    var bytes = [UInt8](try #require(Data(base64Encoded: lines.dropFirst().dropLast().joined())))
    for place in [256, 300, bytes.count - 3, bytes.count - 1] {
      bytes[place] ^= 1
      let tampered = try TLSCryptClientKey(pem: PrivateKeyTests.pem("OpenVPN tls-crypt-v2 client key", bytes))
      #expect(throws: TrustError.self) { try a.metadata(of: tampered) }
      bytes[place] ^= 1
    }
  }

  @Test("OpenVPN's own keys are read, and what it wrapped is unwrapped with its own key")
  func openvpnMade() async throws {
    try await withFolder { folder in
      let made = try await Tool.run("openvpn", ["--genkey", "tls-crypt-v2-server", "server.key"], in: folder)
      #expect(made.succeeded, "\(made.output)")
      let metadata = Data("alice".utf8).base64EncodedString()
      let wrapped = try await Tool.run(
        "openvpn", ["--tls-crypt-v2", "server.key", "--genkey", "tls-crypt-v2-client", "client.key", metadata],
        in: folder)
      #expect(wrapped.succeeded, "\(wrapped.output)")
      func read(_ name: String) throws -> Secret {
        Secret(utf8: try String(contentsOf: folder.appending(path: name), encoding: .utf8))
      }
      let server = try TLSCryptServerKey(pem: read("server.key"))
      #expect(try server.metadata(of: TLSCryptClientKey(pem: read("client.key"))) == .user(Array("alice".utf8)))
    }
  }

  @Test("OpenVPN wraps a client key with a server key that was made here")
  func ourServerKey() async throws {
    let began = Date()
    let server = try TLSCryptServerKey.generate()
    try await withFolder { folder in
      try server.pem.write(to: folder.appending(path: "server.key"))
      let wrapped = try await Tool.run(
        "openvpn", ["--tls-crypt-v2", "server.key", "--genkey", "tls-crypt-v2-client", "client.key"], in: folder)
      #expect(wrapped.succeeded, "\(wrapped.output)")
      let pem = Secret(utf8: try String(contentsOf: folder.appending(path: "client.key"), encoding: .utf8))
      guard case .timestamp(let made) = try server.metadata(of: TLSCryptClientKey(pem: pem)) else {
        Issue.record("OpenVPN's default metadata is a timestamp")
        return
      }
      #expect(made >= began - 1 && made <= Date())
    }
  }

  @Test("a server key is no client key, and neither is half of one")
  func wrongKind() throws {
    let server = try TLSCryptServerKey.generate()
    let client = try server.issueClientKey(.user([]))
    #expect(throws: TrustError.self) { try TLSCryptClientKey(pem: server.pem) }
    #expect(throws: TrustError.self) { try TLSCryptServerKey(pem: client.pem) }
    #expect(throws: TrustError.self) { try TLSCryptServerKey(pem: Secret(utf8: "")) }
    let short = PrivateKeyTests.pem("OpenVPN tls-crypt-v2 client key", [UInt8](repeating: 1, count: 256))
    #expect(throws: TrustError.self) { try TLSCryptClientKey(pem: short) }
  }
}
