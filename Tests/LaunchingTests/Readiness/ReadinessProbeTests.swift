import Foundation
import Glibc
import Host
import Launching
import Names
import Testing
import Trust

@Suite("The readiness probe", .enabled(if: geteuid() == 0, "needs root"))
struct ReadinessProbeTests {
  private func answers(_ server: ProbedServer, _ key: TLSCryptClientKey, seconds: Double) async throws -> Bool {
    try await ReadinessProbe.waitUntilAnswers(
      address: try IPv4Address("127.0.0.1"), port: server.port, key: key, deadline: .now + .seconds(seconds))
  }

  @Test("a server answers to its own project's key, from when it is up, and to no other's")
  func keys() async throws {
    try await ProbedServer.with { server in
      #expect(try await answers(server, server.key, seconds: 60))
      let other = try TLSCryptServerKey.generate().issueClientKey(.timestamp(Date()))
      #expect(try await !answers(server, other, seconds: 1.5))
      #expect(try await answers(server, server.key, seconds: 10))
    }
  }

  @Test("a thousand probes take no client's place")
  func slots() async throws {
    try await ProbedServer.with { server in
      for _ in 0..<1000 { #expect(try await answers(server, server.key, seconds: 60)) }
      try await server.letsClientIn()
      #expect(!server.log.contains("MULTI: new incoming connection would exceed maximum number of clients"))
    }
  }

  @Test("where nobody listens it waits for its deadline, and hears a cancellation before that")
  func nobody() async throws {
    let key = try TLSCryptServerKey.generate().issueClientKey(.timestamp(Date()))
    let address = try IPv4Address("127.0.0.1")
    let port = try #require(PortNumber(9))
    let answered = try await ReadinessProbe.waitUntilAnswers(
      address: address, port: port, key: key, deadline: .now + .milliseconds(300))
    #expect(!answered)
    let wait = Task {
      try await ReadinessProbe.waitUntilAnswers(
        address: address, port: port, key: key, deadline: .now + .seconds(3600))
    }
    wait.cancel()
    await #expect(throws: CancellationError.self) { try await wait.value }
  }
}
