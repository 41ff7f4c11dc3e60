import Foundation
import Glibc
import Host
import Launching
import Names
import State
import SystemPackage
import Testing

@testable import cpbuild

@Suite struct OutcomeTests {
  @Test(
    "errors come to the statuses that are promised",
    arguments: [
      (HostError.file(doing: "open", path: "/x", errno: ENOENT), Outcome.notFound),
      (.file(doing: "create", path: "/x", errno: EEXIST), .conflict),
      (.file(doing: "open", path: "/x", errno: EACCES), .environment),
      (.file(doing: "write", path: "/x", errno: ENOSPC), .environment),
      (.file(doing: "read", path: "/x", errno: EIO), .failed),
      (.locked(path: "/x"), .conflict),
      (.programMissing(program: "x", package: nil), .environment),
      (.commandFailed(command: "x", status: "ended with status 1", output: ""), .failed),
      (.outputTooLong(command: "x", limit: 1), .failed),
      (.setting(name: "x", value: "y", allowed: "z"), .usage),
    ])
  func hostErrors(error: HostError, status: Outcome) {
    #expect(Outcome(for: error) == status)
  }

  @Test("what can't be as it was asked for is a wrong command line, also when a launch finds out")
  func unsuitable() throws {
    let error = StateError.unsuitable(kind: "address", id: "10.0.0.0 of acme/default", why: "x")
    let id = NetworkID(project: try ProjectID("acme"), name: .standard)
    #expect(Outcome(for: error) == .usage)
    #expect(Outcome(for: LaunchError.step("network", of: id, reason: "x", console: nil, cause: error)) == .usage)
  }

  @Test("numbers are part of the interface")
  func numbers() {
    #expect(Outcome.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 64, 130, 141])
  }

  @Test("interruption says so, a broken pipe says nothing, an unknown error says itself")
  func messages() {
    struct Odd: Error, CustomStringConvertible { let description = "odd" }
    #expect(Failure(CancellationError(), arguments: []).message == "cpbuild: interrupted")
    #expect(Failure(BrokenPipe(), arguments: []).message == "")
    let odd = Failure(Odd(), arguments: [])
    #expect(odd.status == .failed)
    #expect(odd.message == "cpbuild: odd")
  }

  @Test("what this machine lacks is answered with the doctor")
  func doctor() {
    let failure = Failure(HostError.programMissing(program: "nft", package: "nftables"), arguments: [])
    #expect(failure.message.contains("apt-get install nftables"))
    #expect(failure.message.contains("cpbuild doctor"))
  }

  @Test("what a program said keeps its lines and loses its escape sequences")
  func programOutput() {
    let error = HostError.commandFailed(command: "x", status: "ended with status 1", output: "a\n\u{1B}[2Jb")
    #expect(Failure(error, arguments: []).message == "cpbuild: x ended with status 1: a\n\\u{1b}[2Jb")
  }
}
