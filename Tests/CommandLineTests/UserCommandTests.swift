import Foundation
import Host
import SystemPackage
import Testing

/// The built program, in a home of its own, for a cloudpipe that runs elsewhere.
@Suite("cpbuild user") struct UserCommandTests {
  private let way = ["--remote", "192.0.2.1:1194"]

  @Test("add writes a profile for its owner alone, which openssl's strictest check accepts")
  func add() async throws {
    try await withShell { shell in
      let said = try await shell(["user", "add", "acme", "alice", "--out", "alice.ovpn"] + way, expecting: 0)
      #expect(said.contains("alice of acme") && said.contains("alice.ovpn"))
      let profile = try shell.text("alice.ovpn")
      for line in ["dev tun", "remote 192.0.2.1 1194 udp", "verify-x509-name acme-vpn name"] {
        #expect(profile.contains("\n\(line)\n"))
      }
      #expect(try shell.mode("alice.ovpn") == 0o600)
      #expect(try shell.names == ["alice.ovpn", "home"])
      try await shell.verify(profile, succeeds: true)
      try await shell(["user", "revoke", "acme", "alice"], expecting: 0)
      try await shell.verify(profile, succeeds: false)
    }
  }

  @Test("add twice says that the user exists, a renewal keeps the old certificate, and nobody is renewed into being")
  func again() async throws {
    try await withShell { shell in
      try await shell(["user", "add", "acme", "alice", "--out", "a"] + way, expecting: 0)
      let said = try await shell(["user", "add", "acme", "alice", "--out", "b"] + way, expecting: 3)
      #expect(said.contains("--renew"))
      let kept = try await shell(["user", "add", "acme", "alice", "--renew", "--out", "a"] + way, expecting: 3)
      #expect(kept.contains("File exists"))
      try await shell(["user", "add", "acme", "alice", "--renew", "--out", "a", "--force"] + way, expecting: 0)
      #expect(try shell.names == ["a", "home"])
      let list = try await shell(["user", "list", "acme", "--json"], expecting: 0)
      #expect(try JSON(list)["users"]?[0]?["certificates"]?.count == 2)
      try await shell(["user", "add", "acme", "bob", "--renew"] + way, expecting: 2)
      try await shell(["user", "revoke", "acme", "alice"], expecting: 0)
      try await shell(["user", "add", "acme", "alice", "--renew"] + way, expecting: 3)
      try await shell(["user", "add", "acme", "alice"] + way, expecting: 0)
    }
  }

  @Test("the profile goes to stdout, or into the document, or into a zip with its parts")
  func destinations() async throws {
    try await withShell { shell in
      let plain = try await shell(["user", "add", "acme", "alice"] + way, expecting: 0)
      #expect(plain.hasPrefix("client\n") && plain.hasSuffix("</tls-crypt-v2>\n"))
      let document = try JSON(try await shell(["user", "add", "acme", "bob", "--json"] + way, expecting: 0))
      #expect(document["profile"]?.text?.hasPrefix("client\n") == true && document["user"]?.text == "bob")
      let said = try await shell(["user", "add", "acme", "josé@example", "--zip", "j.zip"] + way, expecting: 0)
      #expect(!said.contains("PRIVATE KEY"))
      #expect(try shell.mode("j.zip") == 0o600)
      let listing = try await Command("unzip", ["-Z1", "j.zip"], folder: shell.folder).run()
      let names = listing.split(separator: "\n").map(String.init).sorted()
      #expect(
        names == [
          "ca.crt", "jos__example.crt", "jos__example.key", "jos__example.ovpn", "jos__example.tls-crypt-v2.key",
        ])
    }
  }

  @Test("a user who keeps the key gets a profile without one; a request for somebody else is refused")
  func request() async throws {
    try await withShell { shell in
      _ = try await Command(
        "openssl",
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
          + ["-keyout", "k", "-out", "bob.csr", "-subj", "/CN=bob"], folder: shell.folder
      ).run()
      let profile = try await shell(["user", "add", "acme", "bob", "--csr", "bob.csr"] + way, expecting: 0)
      #expect(profile.contains("\nkey bob.key\n") && !profile.contains("<key>"))
      try await shell(["user", "add", "acme", "alice", "--csr", "bob.csr"] + way, expecting: 64)
      try AtomicFile.write("nothing", to: shell.folder.appending("no.csr"))
      try await shell(["user", "add", "acme", "alice", "--csr", "no.csr"] + way, expecting: 1)
      try await shell(["user", "add", "acme", "alice", "--csr", "none"] + way, expecting: 2)
      try await shell(["user", "add", "acme", "alice", "--csr", "bob.csr", "--key-type", "p384"] + way, expecting: 64)
    }
  }

  @Test("the end is a time or a day in UTC")
  func expiry() async throws {
    try await withShell { shell in
      let document = try JSON(
        try await shell(["user", "add", "acme", "alice", "--json", "--expires", "2029-12-31"] + way, expecting: 0))
      #expect(document["notAfter"]?.text == "2029-12-31T23:59:59Z")
      for bad in ["2029-02-30", "2001-01-01", "31.12.2029", "0d", "d", "", "-1d", "30", "9999-12-31"] {
        try await shell(["user", "add", "acme", "bob", "--expires=\(bad)"] + way, expecting: 64)
      }
    }
  }

  @Test("revocation is idempotent, and reaches one certificate, one project or all")
  func revocation() async throws {
    try await withShell { shell in
      for project in ["acme", "zeta"] {
        try await shell(["user", "add", project, "alice", "--out", project] + way, expecting: 0)
      }
      let added = try await shell(["user", "add", "acme", "alice", "--renew", "--json"] + way, expecting: 0)
      let serial = try #require(try JSON(added)["serial"]?.text)
      let one = try JSON(
        try await shell(
          ["user", "revoke", "acme", "alice", "--serial", serial, "--reason", "keyCompromise", "--json"], expecting: 0))
      #expect(one["projects"]?[0]?["serials"]?.count == 1)
      let list = try JSON(try await shell(["user", "list", "acme", "--json"], expecting: 0))
      #expect(list["users"]?[0]?["status"]?.text == "valid")
      let all = try JSON(try await shell(["user", "revoke", "--all-projects", "alice", "--json"], expecting: 0))
      #expect(all["projects"]?.count == 2)
      let again = try await shell(["user", "revoke", "zeta", "alice"], expecting: 0)
      #expect(again.contains("before"))
      let table = try await shell(["user", "list", "zeta"], expecting: 0)
      #expect(table.contains("revoked"))
      try await shell(["user", "revoke", "acme", "alice", "--serial", "abcd"], expecting: 2)
      try await shell(["user", "revoke", "acme", "nobody"], expecting: 2)
      try await shell(["user", "revoke", "nowhere", "alice"], expecting: 2)
      try await shell(["user", "revoke", "--all-projects", "nobody"], expecting: 2)
      try await shell(["user", "revoke", "acme"], expecting: 64)
      try await shell(["user", "revoke", "acme", "alice", "--reason", "spite"], expecting: 64)
      try await shell(["user", "revoke", "acme", "alice", "--serial", "0"], expecting: 64)
      try await shell(["user", "revoke", "acme", "alice", "--serial", serial, "--all-projects"], expecting: 64)
    }
  }

  @Test("what can't be done is refused with the remedy, and makes nothing")
  func refusals() async throws {
    try await withShell { shell in
      try await shell(["user", "list", "acme"], expecting: 2)
      try await shell(["user", "revoke", "acme", "alice"], expecting: 2)
      #expect(try shell.names.isEmpty)
      #expect(try await shell(["user", "add", "acme", "alice"], expecting: 2).contains("cpbuild launch acme"))
      try await shell(["user", "add", "acme", "alice", "--out", "none/alice"] + way, expecting: 2)
      try await shell(["user", "add", "acme", "alice", "--out", "."] + way, expecting: 1)
      for bad in ["a b", "../x", "-x", "DEFAULT", "", "a\u{202E}b", String(repeating: "a", count: 65)] {
        try await shell(["user", "add"] + way + ["--", "acme", bad], expecting: 64)
      }
      for bad in ["host", "host:0", "host:99999", "2001:db8::1:1194", "a b:1", ":1", "", "10.0.0:1"] {
        try await shell(["user", "add", "acme", "alice", "--remote", bad], expecting: 64)
      }
      try await shell(["user", "add", "acme", "alice", "--out", "x", "--zip", "./x"] + way, expecting: 64)
      try await shell(["user", "add", "a/b", "alice"] + way, expecting: 64)
      try await shell(["user", "add", "acme", "alice"] + way, expecting: 0)
      #expect(try await shell(["user", "add", "acme", "bob"], expecting: 2).contains("--remote"))
      #expect(try shell.names == ["home"])
    }
  }

  @Test("whatever a project or network is called, its users get a profile that names its cloudpipe")
  func names() async throws {
    try await withShell { shell in
      for (project, network, server) in [("_x", "default", "_x-vpn"), ("9.x", "_n", "9.x-_n-vpn")] {
        let profile = try await shell(["user", "add", project, "bob", "--network", network] + way, expecting: 0)
        #expect(profile.contains("\nverify-x509-name \(server) name\n"))
      }
    }
  }

  @Test("what no profile can say is refused before anything is made")
  func unspeakable() async throws {
    try await withShell { shell in
      let remotes = (1...65).flatMap { ["--remote", "192.0.2.1:\($0)"] }
      try await shell(["user", "add", "acme", "alice"] + remotes, expecting: 64)
      #expect(try await shell(["ca", "show"], expecting: 0).hasPrefix("no CA yet"))
    }
  }

  @Test("a certificate whose profile can't be handed over is revoked at once")
  func undelivered() async throws {
    try await withShell { shell in
      let command = "'\(try Binary.path)' user add acme alice --quiet --remote 192.0.2.1:1 > /dev/full"
      let output = try await Command("sh", ["-c", command], environment: ["CPBUILD_HOME": shell.home.string]).output()
      #expect(output.status == 4, "\(output.stderrTail)")
      let list = try JSON(try await shell(["user", "list", "acme", "--json"], expecting: 0))
      #expect(list["users"]?[0]?["status"]?.text == "revoked")
      try await shell(["user", "add", "acme", "alice"] + way, expecting: 0)
    }
  }
}

/// A folder, a home in it, and cpbuild run there.
private struct Shell {
  let folder: FilePath
  var home: FilePath { folder.appending("home") }

  /// Runs it and insists on the exit status.
  ///
  /// - Returns: what it printed, or said when it failed.
  @discardableResult
  func callAsFunction(
    _ arguments: [String], expecting status: Int, location: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let output = try await Binary.run(arguments, environment: ["CPBUILD_HOME": home.string], folder: folder)
    #expect(output.status == status, "\(arguments): \(output.stderrTail)", sourceLocation: location)
    return output.status == 0 ? output.stdout : output.stderrTail
  }

  func text(_ name: String) throws -> String {
    try String(contentsOfFile: folder.appending(name).string, encoding: .utf8)
  }

  func mode(_ name: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: folder.appending(name).string)[.posixPermissions] as? Int
  }

  var names: [String] { get throws { try Folder.names(in: folder).sorted() } }

  /// Has openssl check the certificate in a profile against the exported CRL.
  func verify(_ profile: String, succeeds: Bool) async throws {
    for part in ["ca", "cert"] {
      let start = try #require(profile.range(of: "<\(part)>\n"))
      let end = try #require(profile.range(of: "</\(part)>"))
      try AtomicFile.write(String(profile[start.upperBound..<end.lowerBound]), to: folder.appending("\(part).pem"))
    }
    defer { for part in ["ca", "cert"] { try? Folder.remove(folder.appending("\(part).pem")) } }
    let crl = home.appending("CA/projects/acme/crl.pem").string
    let output = try await Command(
      "openssl",
      [
        "verify", "-crl_check", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca.pem", "-CRLfile", crl,
        "cert.pem",
      ],
      folder: folder
    ).output()
    #expect((output.status == 0) == succeeds, "\(output.stdout)\(output.stderrTail)")
    if !succeeds { #expect(output.stderrTail.contains("certificate revoked"), "\(output.stderrTail)") }
  }
}

private func withShell(_ body: (Shell) async throws -> Void) async throws {
  try await withTemporaryFolder { try await body(Shell(folder: $0)) }
}

/// A JSON document to look around in.
private struct JSON {
  let value: Any

  init(_ text: String) throws { value = try JSONSerialization.jsonObject(with: Data(text.utf8)) }
  private init(value: Any) { self.value = value }

  subscript(key: String) -> JSON? { (value as? [String: Any])?[key].map(JSON.init(value:)) }
  subscript(index: Int) -> JSON? {
    guard let list = value as? [Any], list.indices.contains(index) else { return nil }
    return JSON(value: list[index])
  }
  var text: String? { value as? String }
  var count: Int? { (value as? [Any])?.count }
}
