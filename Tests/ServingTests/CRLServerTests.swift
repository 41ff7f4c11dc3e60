import Foundation
import Glibc
import Host
import Launching
import Names
import Serving
import State
import SystemPackage
import Testing

@Suite("Serving") struct CRLServerTests {
  /// Runs `body` with a project `acme` and a server, whose base URL it gets; curl's options go with it.
  private func with(
    tls: Bool = false, _ body: (_ base: String, _ options: [String], _ crl: FilePath) async throws -> Void
  ) async throws {
    let folder = try Folder.makeTemporary("serving")
    defer { try? Folder.remove(folder) }
    let store = try await StateStore.open(Home(folder.appending("home")))
    let trust = TrustKeeper(state: store, configuration: Configuration(), passphrase: nil)
    let project = try ProjectID("acme")
    try await trust.prepare(project)
    var listener = CRLServer.Listener(host: "127.0.0.1", port: 0)
    var options = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"]
    if tls {
      let (certificate, key) = (folder.appending("cert.pem"), folder.appending("key.pem"))
      try await Command(
        "openssl",
        [
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key.string,
          "-out", certificate.string, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
        ]
      ).run()
      listener.identity = try ServedIdentity(certificate: certificate, key: key)
      options += ["--cacert", certificate.string]
    }
    let server = CRLServer(state: store, trust: trust)
    let (ports, continuation) = AsyncStream<Int>.makeStream()
    let chosen = listener
    let task = Task {
      try await server.run(chosen) { port in
        continuation.yield(port)
      } trouble: { _ in
      }
    }
    var iterator = ports.makeAsyncIterator()
    let port = try #require(await iterator.next())
    let result: Result<Void, any Error>
    do {
      result = .success(
        try await body("\(tls ? "https" : "http")://127.0.0.1:\(port)", options, trust.crlExport(of: project)))
    } catch { result = .failure(error) }
    task.cancel()
    _ = await task.result
    try store.close()
    try result.get()
  }

  @Test("a project's CRL is served as it is exported, with TLS and without", arguments: [false, true])
  func servesCRL(tls: Bool) async throws {
    try await with(tls: tls) { base, options, crl in
      let served = try await Command("curl", options + [base + "/crl/acme.pem"]).run()
      #expect(served.contains("BEGIN X509 CRL"))
      #expect(served == (try String(contentsOfFile: crl.string, encoding: .utf8)))
    }
  }

  @Test("what is served is the newest, whatever became of the exported file")
  func servesNewest() async throws {
    try await with { base, options, crl in
      let before = try String(contentsOfFile: crl.string, encoding: .utf8)
      try AtomicFile.write("", to: crl)
      #expect(try await Command("curl", options + [base + "/crl/acme.pem"]).run() == before)
      try Folder.remove(crl)
      #expect(try await Command("curl", options + [base + "/crl/acme.pem"]).run() == before)
    }
  }

  @Test("the places that certificates name have their issuer's CRL", arguments: ["projects/acme/1", "root/1"])
  func distributionPoint(place: String) async throws {
    try await with { base, options, crl in
      let file = crl.removingLastComponent().appending("served.crl")
      try await Command("curl", options + ["--fail", "--output", file.string, "\(base)/crl/\(place).crl"]).run()
      let said = try await Command(
        "openssl", ["crl", "-inform", "DER", "-in", file.string, "-noout", "-crlnumber"]
      ).run()
      #expect(said.contains("0x01"), "\(said)")
    }
  }

  @Test(
    "nothing else is served",
    arguments: [
      "/crl/projects/acme/2.crl", "/crl/projects/acme/1", "/crl/projects/other/1.crl", "/crl/root/x.crl",
      "/crl/other.pem", "/crl/acme", "/crl/..%2f..%2fstate.db.pem", "/crl/acme.pem/x", "/",
      "/crl/.pem",
    ])
  func nothingElse(path: String) async throws {
    try await with { base, options, _ in
      let status = try await Command(
        "curl", options + ["--path-as-is", "--output", "/dev/null", "--write-out", "%{http_code}", base + path]
      ).run()
      #expect(status == "404")
    }
  }

  @Test("HEAD is answered as GET is, without what would follow", arguments: ["/healthz", "/metrics", "/crl/acme.pem"])
  func head(path: String) async throws {
    try await with { base, options, _ in
      let head = try await Command("curl", options + ["--head", base + path]).run()
      #expect(head.hasPrefix("HTTP/1.1 200"), "\(head)")
    }
  }

  @Test("a CRL that is there and can't be read is the server's failure, and counted as one")
  func failure() async throws {
    try await with { base, options, crl in
      let database = (0..<4).reduce(crl) { path, _ in path.removingLastComponent() }.appending("state.db")
      func rename(_ old: String, to new: String) async throws {
        let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('ALTER TABLE \(old) RENAME TO \(new)')"
        try await Command("python3", ["-c", script, database.string]).run()
      }
      try await rename("crls", to: "gone")
      let arguments = options + ["--output", "/dev/null", "--write-out", "%{http_code}", base + "/crl/acme.pem"]
      #expect(try await Command("curl", arguments).run() == "500")
      try await rename("gone", to: "crls")
      let metrics = try await Command("curl", options + [base + "/metrics"]).run()
      #expect(metrics.contains("cpbuild_crl_requests_total{status=\"500\"} 1"), "\(metrics)")
    }
  }

  @Test("an IPv6 address is written as one can be typed")
  func place() {
    #expect(CRLServer.Listener(host: "::1", port: 8080).place == "[::1]:8080")
    #expect(CRLServer.Listener(host: "127.0.0.1", port: 0).place == "127.0.0.1:0")
  }

  @Test("a port that is taken is named, and so is a file that is no certificate")
  func refusals() async throws {
    try await with { base, _, crl in
      let store = try await StateStore.open(Home(crl.removingLastComponent().appending("other-home")))
      let server = CRLServer(
        state: store, trust: TrustKeeper(state: store, configuration: Configuration(), passphrase: nil))
      let port = try #require(base.split(separator: ":").last.flatMap { Int($0) })
      await #expect(throws: ServingError.listening("127.0.0.1:\(port)", errno: EADDRINUSE)) {
        try await server.run(.init(host: "127.0.0.1", port: port)) { _ in
        } trouble: { _ in
        }
      }
      #expect(throws: ServingError.unreadable(crl, what: "certificate")) {
        try ServedIdentity(certificate: crl, key: crl)
      }
      try store.close()
    }
  }

  @Test("it says that it is well, and how old the CRLs are")
  func says() async throws {
    try await with { base, options, _ in
      let health = try await Command("curl", options + [base + "/healthz"]).run()
      #expect(health == "ok, 1 projects\n")
      _ = try await Command("curl", options + [base + "/crl/acme.pem"]).run()
      let metrics = try await Command("curl", options + [base + "/metrics"]).run()
      #expect(metrics.contains("cpbuild_crl_number{project=\"acme\"} 1"))
      #expect(metrics.contains("cpbuild_crl_requests_total{status=\"200\"} 1"))
      #expect(metrics.contains("cpbuild_crl_next_update_seconds{project=\"acme\"} "))
    }
  }
}
