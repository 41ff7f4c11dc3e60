import Foundation
import Glibc
import Names
import State
import Testing

/// Serialized, because each of them keeps both cores busy with 16 processes.
@Suite("Many processes at once", .serialized)
struct ProcessesTests {
  @Test("16 processes never get the same address, port, serial number or CRL number, and lose none")
  func allocation() async throws {
    try await withHome { home in
      let store = try await StateStore.open(home)
      let authority = try await store.write { state in
        try Sample.addNetwork(cidr: "10.0.0.0/16", to: state)
        return try Sample.addAuthority(to: state)
      }
      try store.close()
      let each = 12
      let started = ContinuousClock.now
      let workers = try (0..<16).map { index in
        let verb = ["addresses", "ports", "certificates", "crls"][index % 4]
        return (verb, try Worker(verb, in: home, count: each, name: "w\(index)"))
      }
      var lines: [String: [String]] = [:]
      for (verb, worker) in workers { lines[verb, default: []] += worker.lines() }
      print("16 processes, \(16 * each) transactions: \(ContinuousClock.now - started)")
      for (verb, lines) in lines {
        #expect(lines.count == 4 * each, "\(verb)")
        #expect(Set(lines).count == lines.count, "\(verb) handed something out twice")
      }
      // Lowest first and none lost means that there are no gaps.
      #expect(Set(lines["crls"] ?? []) == Set((1...4 * each).map(String.init)))
      #expect(Set(lines["ports"] ?? []) == Set((1000..<1000 + 4 * each).map(String.init)))
      #expect(Set(lines["addresses"] ?? []) == Set((3..<3 + 4 * each).map { "10.0.0.\($0)" }))

      let after = try await StateStore.open(home)
      for line in lines["certificates"] ?? [] {
        let serial = try SerialNumber(line)
        #expect(try await after.read { try $0.certificates.find(serial, of: authority.id) } != nil)
      }
      #expect(try await after.integrityCheck().isEmpty)
      try after.close()
    }
  }

  @Test("16 processes may open a new state at the same moment")
  func opening() async throws {
    try await withHome { home in
      let workers = try (0..<16).map { try Worker("certificates", in: home, count: 0, name: "w\($0)") }
      for worker in workers { _ = worker.lines() }
      let store = try await StateStore.open(home)
      #expect(try await store.integrityCheck().isEmpty)
      try store.close()
    }
  }

  @Test("kill -9 at 50 random moments loses nothing that was acknowledged and leaves nothing broken")
  func kills() async throws {
    try await withHome { home in
      let setUp = try await StateStore.open(home)
      let authority = try await setUp.write { try Sample.addAuthority(to: $0) }
      try setUp.close()
      var acknowledged: [String] = []
      for round in 0..<50 {
        let workers = try (0..<2).map { try Worker("mixed", in: home, count: 1000, name: "u\($0)") }
        usleep(.random(in: 30_000...350_000))
        for worker in workers { worker.kill() }
        for worker in workers { acknowledged += worker.lines() }
        let store = try await StateStore.open(home)
        #expect(try await store.integrityCheck().isEmpty, "round \(round)")
        try await store.exports.write()
        #expect(try await store.exports.repair().isEmpty, "round \(round): exports and rows differ")
        try store.close()
      }
      #expect(acknowledged.count > 20, "the processes got nothing done before they were killed")
      print("50 kills, \(acknowledged.count) acknowledged changes")

      let store = try await StateStore.open(home)
      let lines = acknowledged
      try await store.read { state in
        for line in lines {
          let words = line.split(separator: " ")
          guard words.count == 2 else { continue }
          switch words[0] {
          case "issued":
            #expect(try state.certificates.find(SerialNumber(words[1]), of: authority.id) != nil, "\(line)")
          case "revoked":
            #expect(try state.revocations.find(SerialNumber(words[1]), of: authority.id) != nil, "\(line)")
          case "key": try store.keys.require(KeyFile(words[1]))
          case "crl": #expect(try Int64(words[1]) ?? .max <= state.authorities.get(authority.id).lastCrlNumber)
          default: Issue.record("\(line)")
          }
        }
      }
      let numbers = lines.filter { $0.hasPrefix("crl ") }
      #expect(Set(numbers).count == numbers.count)
      // Orphans of kills between key and row go; keys with rows stay.
      try await store.sweepKeys(olderThan: 0)
      #expect(try await store.integrityCheck().isEmpty)
      try store.close()
    }
  }
}
