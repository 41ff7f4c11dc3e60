import Clouds
import Foundation
import Glibc
import Host
import SystemPackage
import Testing

/// What a machine can do to a network's metadata service, and with it to the others that need it.
@Suite("The metadata service, abused", .serialized, .enabled(if: PlayedMachine.isRoot, "namespaces take root"))
struct MetadataLimitTests {
  @Test("garbage, endless headers and bodies are answered or cut off, and it goes on answering")
  func garbage() async throws {
    try await withTwo { evil, cloudpipe in
      let output = try await evil.machine.run(in: evil.name, "python3", "-c", Self.garbage)
      #expect(output.status == 0, "\(output.stderrTail)")
      #expect(!output.stdout.contains("200"), "\(output.stdout)")
      #expect(try await cloudpipe.get("/latest/user-data").status == "200")
      #expect(try await evil.get("/latest/meta-data/hostname").status == "200")
      let folder = try evil.machine.space(of: "acme").folder
      let pid = try #require(BackgroundProcess(name: "metadata", folder: folder).recorded?.pid)
      let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
      let match = try #require(status.firstMatch(of: /VmRSS:\s+(\d+) kB/))
      #expect(try #require(Int(match.output.1)) < 200_000, "in kB")
    }
  }

  @Test("a machine that holds as many connections as it can keeps nobody from being answered, not even itself")
  func hoarding() async throws {
    try await withTwo { evil, cloudpipe in
      let process = BackgroundProcess(name: "hoarder", folder: evil.machine.folder)
      let ready = evil.machine.folder.appending("ready")
      try process.start(
        "python3", ["-c", Self.hoarding, ready.string], prefix: ["nsenter", "--net=\(evil.path)", "--"])
      while access(ready.string, F_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
      #expect(try await evil.get("/latest/meta-data/hostname").status == "200")
      #expect(try await cloudpipe.get("/latest/user-data").status == "200")
      try await process.stop(grace: .zero)
    }
  }

  /// The cloudpipe, and another machine.
  private func withTwo(_ body: (PlayedInstance, PlayedInstance) async throws -> Void) async throws {
    try await PlayedMachine.with { machine in
      try await machine.cloud("acme", "make", "10.66.0.0/24")
      let payload = machine.folder.appending("payload")
      try AtomicFile.write("payload", to: payload, mode: 0o600)
      try await machine.cloud("acme", "expect", payload.string)
      let cloudpipe = try await PlayedInstance(of: "acme", on: machine)
      _ = try await cloudpipe.lease()
      let evil = try await PlayedInstance(machine: "evil", on: machine)
      try await machine.cloud("acme", "attach", "10.66.0.0/24", "evil=\(evil.path)")
      try await body(evil, cloudpipe)
    }
  }

  /// Each in a connection of its own; prints the first line of what comes back.
  private static let garbage = """
    import os, socket
    def say(*parts):
      s = socket.create_connection(("169.254.169.254", 80)); s.settimeout(15)
      answer = b""
      try:
        for part in parts: s.sendall(part)
        s.shutdown(socket.SHUT_WR)
        while True:
          more = s.recv(65536)
          if not more: break
          answer += more
      except OSError: pass
      print(answer.split(b"\\r\\n")[0])
    say(os.urandom(100000))
    say(b"\\0" * 100000)
    say(b"GET /" + b"a" * 1000000 + b" HTTP/1.1\\r\\n\\r\\n")
    say(b"GET /latest HTTP/1.1\\r\\n", *[b"X-%d: " % n + b"a" * 10000 + b"\\r\\n" for n in range(1000)])
    say(b"POST /latest HTTP/1.1\\r\\nContent-Length: 99999999999\\r\\n\\r\\n", *[b"a" * 65536] * 64)
    say(b"POST /latest HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n", b"ffffffffffffffff\\r\\n")
    say(b"GET http://[::1/ HTTP/9.9\\r\\n\\r\\n")
    say(b"")
    say(b"GET")
    """

  private static let hoarding = """
    import socket, sys, time
    held = []
    for n in range(100):
      s = socket.create_connection(("169.254.169.254", 80)); s.sendall(b"GET /lat"); held.append(s)
    open(sys.argv[1], "w").close()
    time.sleep(1000)
    """
}
