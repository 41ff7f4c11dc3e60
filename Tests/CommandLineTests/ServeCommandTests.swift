import Foundation
import Glibc
import Host
import SystemPackage
import Testing

/// `cpbuild serve` as a service manager runs it.
@Suite struct ServeCommandTests {
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
  let lines: AsyncStream<String>

  /// Runs `body` with one that listens on a free port of loopback, then ends it.
  ///
  /// - Parameter signal: what it is ended with.
  static func with(
    _ arguments: [String] = [], prefix: [String] = [], in folder: FilePath, signal: CInt = SIGTERM,
    _ body: (Served) async throws -> Void
  ) async throws -> Command.Output {
    let home = folder.appending("home").string
    let words = prefix + [try Binary.path.string, "serve", "--listen", "127.0.0.1:0", "--home", home] + arguments
    let (lines, said) = AsyncStream<String>.makeStream()
    async let output = Command(words[0], Array(words.dropFirst())).output { said.yield($0) }
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
}
