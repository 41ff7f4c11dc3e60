import Foundation
import Glibc
import Host
import SystemPackage
import Testing

/// `cpbuild serve` as a service manager runs it.
@Suite(.timeLimit(.minutes(2))) struct ServeCommandTests {
  @Test("clients that hold more connections than it may have open files keep nobody from being answered")
  func hoarded() async throws {
    try await withTemporaryFolder { folder in
      // As many as a machine that is set up narrowly lets a program have.
      let served = try await Served.with(prefix: ["prlimit", "--nofile=220", "--"], in: folder) { served in
        let output = try await Command("python3", ["-c", Self.hoard, "\(served.port)"]).output()
        #expect(output.status == 0, "\(output.stderrTail)")
        #expect(output.stdout == "ok, 0 projects\n")
      }
      #expect(!served.stderrTail.contains("warning"), "\(served.stderrTail)")
    }
  }

  /// Makes a certificate of `name`, signed by itself, in `folder`/chain.pem and key.pem.
  private func certify(_ name: String, in folder: FilePath) async throws {
    try await Command(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        "\(folder)/key.pem",
        "-out", "\(folder)/chain.pem", "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1",
      ]
    ).run()
  }

  /// Whose certificate the server shows, and that it answers.
  private func name(of served: Served) async throws -> String? {
    let output = try await Command(
      "curl",
      [
        "--silent", "--verbose", "--insecure", "--max-time", "20", "--noproxy", "*",
        "https://127.0.0.1:\(served.port)/healthz",
      ]
    ).output()
    #expect(output.stdout == "ok, 0 projects\n")
    return output.stderrTail.firstMatch(of: /subject: CN=(\w+)/).map { String($0.output.1) }
  }

  @Test("on SIGHUP it has the certificate that is there then, and stays with the one it had where that is no good")
  func reread() async throws {
    try await withTemporaryFolder { folder in
      try await certify("first", in: folder)
      let (chain, key) = (folder.appending("chain.pem"), folder.appending("key.pem"))
      let served = try await Served.with(["--certificate", chain.string, "--key", key.string], in: folder) { served in
        #expect(try await name(of: served) == "first")
        try await certify("second", in: folder)
        #expect(try await name(of: served) == "first")
        kill(served.pid, SIGHUP)
        await served.said("read the certificate and its key anew")
        #expect(try await name(of: served) == "second")
        let good = try Data(contentsOf: URL(filePath: key.string))
        try await certify("third", in: folder)
        try AtomicFile.write(good, to: key, mode: 0o600)
        kill(served.pid, SIGHUP)
        await served.said("the certificate that was read before is served on")
        #expect(try await name(of: served) == "second")
        try AtomicFile.write("nonsense", to: key, mode: 0o600)
        kill(served.pid, SIGHUP)
        await served.said(
          "no private key in PEM can be read from \(key): the certificate that was read before is served on")
        #expect(try await name(of: served) == "second")
      }
      #expect(served.status == 0, "\(served.stderrTail)")
    }
  }

  @Test("SIGHUP without a certificate ends nothing")
  func hangup() async throws {
    try await withTemporaryFolder { folder in
      let served = try await Served.with(in: folder) { served in
        kill(served.pid, SIGHUP)
        let health = try await Command(
          "curl", ["--silent", "--noproxy", "*", "http://127.0.0.1:\(served.port)/healthz"]
        ).run()
        #expect(health == "ok, 0 projects\n")
      }
      #expect(served.status == 0)
    }
  }

  @Test(
    "SIGTERM is an orderly end and SIGINT an interruption, at once, whoever holds connections",
    arguments: [(SIGTERM, 0), (SIGINT, 130)], [false, true])
  func end(_ signal: (number: CInt, status: Int), tls: Bool) async throws {
    try await withTemporaryFolder { folder in
      if tls { try await certify("name", in: folder) }
      let arguments = tls ? ["--certificate", "\(folder)/chain.pem", "--key", "\(folder)/key.pem"] : []
      let served = try await Served.with(arguments, in: folder, signal: signal.number) { served in
        // One that says nothing, and one that was answered and stays: until the server closes both.
        _ = try BackgroundProcess(name: "client", folder: folder).start(
          "python3", ["-c", Self.hold, "\(served.port)", tls ? "tls" : "", folder.appending("held").string])
        while access(folder.appending("held").string, F_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
      }
      #expect(served.status == signal.status, "\(served.stderrTail)")
      try await BackgroundProcess(name: "client", folder: folder).stop(grace: .zero)
    }
  }

  private static let hold = """
    import socket, ssl, sys, time
    address = ("127.0.0.1", int(sys.argv[1]))
    silent, asked = socket.create_connection(address), socket.create_connection(address)
    if sys.argv[2]: asked = ssl._create_unverified_context().wrap_socket(asked)
    asked.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    answer = asked.recv(1000)
    open(sys.argv[3], "w").close()
    time.sleep(1000)
    """

  /// Holds 200 connections that say nothing and 200 that say half of something, and asks meanwhile.
  private static let hoard = """
    import socket, sys, urllib.request
    port = int(sys.argv[1])
    held = [socket.create_connection(("127.0.0.1", port)) for n in range(400)]
    for s in held[::2]:
      try: s.sendall(b"GET /hea")
      except OSError: pass
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    sys.stdout.write(opener.open("http://127.0.0.1:%d/healthz" % port, timeout=20).read().decode())
    """
}

/// A `cpbuild serve` that listens.
struct Served {
  let pid: pid_t
  let port: Int
  private let lines: AsyncStream<String>

  /// Waits until it says `text` on stderr, or has ended.
  func said(_ text: String) async {
    for await line in lines where line.contains(text) { return }
  }

  /// Runs `body` with one that listens on a free port of loopback, then ends it.
  ///
  /// - Parameter signal: what it is ended with.
  static func with(
    _ arguments: [String] = [], prefix: [String] = [], program: FilePath? = nil, in folder: FilePath,
    signal: CInt = SIGTERM, _ body: (Served) async throws -> Void
  ) async throws -> Command.Output {
    let home = folder.appending("home").string
    let words =
      prefix + [try program?.string ?? Binary.path.string, "serve", "--listen", "127.0.0.1:0", "--home", home]
      + arguments
    let (lines, said) = AsyncStream<String>.makeStream()
    async let output = Self.output(of: words, to: said)
    var iterator = lines.makeAsyncIterator()
    let listening = "listening on 127.0.0.1:"
    var line = await iterator.next()
    while let other = line, !other.hasPrefix(listening) { line = await iterator.next() }
    let port = try #require(line.flatMap { Int($0.dropFirst(listening.count)) })
    let pid = try #require(ChildProcesses.ofThisProcess().first { $0.commandLine.contains(home) }?.id)
    try await body(Served(pid: pid, port: port, lines: lines))
    kill(pid, signal)
    return try await output
  }

  private static func output(of words: [String], to said: AsyncStream<String>.Continuation) async throws
    -> Command.Output
  {
    defer { said.finish() }
    return try await Command(words[0], Array(words.dropFirst())).output { said.yield($0) }
  }
}
