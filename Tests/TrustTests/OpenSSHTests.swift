import Foundation
import Testing
import Trust

@Suite("OpenSSH key pairs")
struct OpenSSHTests {
  @Test(
    "ssh-keygen finds the same public key and fingerprint, and can sign with it",
    arguments: OpenSSHKeyPair.Kind.allCases)
  func sshKeygen(kind: OpenSSHKeyPair.Kind) async throws {
    let pair = try OpenSSHKeyPair.generate(kind, comment: "acme-vpn")
    try await withFolder { folder in
      try pair.privateFile.write(to: folder.appending(path: "key"))
      let derived = try await Tool.run("ssh-keygen", ["-y", "-f", "key"], in: folder)
      #expect(derived.output == pair.publicLine + "\n")
      try pair.publicLine.write(to: folder.appending(path: "key.pub"))
      let listed = try await Tool.run("ssh-keygen", ["-l", "-f", "key.pub"], in: folder)
      let (bits, name) = kind == .ed25519 ? (256, "ED25519") : (3072, "RSA")
      #expect(listed.output == "\(bits) \(pair.fingerprint) acme-vpn (\(name))\n")
      try "message".write(to: folder.appending(path: "message"))
      let signed = try await Tool.run("ssh-keygen", ["-Y", "sign", "-f", "key", "-n", "test", "message"], in: folder)
      #expect(signed.succeeded, "\(signed.output)")
      try "a \(pair.publicLine)\n".write(to: folder.appending(path: "signers"))
      let script = "ssh-keygen -Y verify -f signers -I a -n test -s message.sig < message"
      let verified = try await Tool.run("sh", ["-c", script], in: folder)
      #expect(verified.succeeded, "\(verified.output)")
    }
  }

  @Test("python's cryptography loads both kinds", arguments: OpenSSHKeyPair.Kind.allCases)
  func python(kind: OpenSSHKeyPair.Kind) async throws {
    let pair = try OpenSSHKeyPair.generate(kind, comment: "")
    try await withFolder { folder in
      try pair.privateFile.write(to: folder.appending(path: "key"))
      let script = """
        from cryptography.hazmat.primitives import serialization as s
        key = s.load_ssh_private_key(open("key", "rb").read(), None)
        print(key.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).decode())
        """
      #expect(try await Tool.run("python3", ["-c", script], in: folder).output == pair.publicLine + "\n")
    }
  }

  @Test(
    "comments that would end the line or hide something are refused",
    arguments: [
      "a\nb", "a\r", "\0", "ü", " a", "a ", String(repeating: "a", count: 256),
    ])
  func badComments(comment: String) {
    #expect(throws: TrustError.self) { try OpenSSHKeyPair.generate(comment: comment) }
  }

  @Test("the private key doesn't show in a description")
  func hidden() throws {
    let pair = try OpenSSHKeyPair.generate(comment: "a")
    var dumped = ""
    dump(pair, to: &dumped)
    let line = try #require(pair.privateFile.exposedText.split(separator: "\n").dropFirst(3).first)
    #expect(!"\(pair) \(String(reflecting: pair)) \(dumped)".contains(line))
  }
}
