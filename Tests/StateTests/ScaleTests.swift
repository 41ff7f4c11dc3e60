import Foundation
import Names
import State
import Testing

/// Serialized, because it measures times.
@Suite("Scale", .serialized)
struct ScaleTests {
  @Test("a list of 1,000 projects has every one of them, with its port and state")
  func list() async throws {
    try await withStore { store in
      try await store.write { state in
        try state.images.register(CloudRowsTests.image("0123456789abcdef0"))
        for index in 0..<1000 {
          let id = try Sample.network("project-\(index)")
          try Sample.addNetwork(id.project.text, to: state)
          try Sample.addAuthority(id.project.text, to: state)
          _ = try state.publicPorts.allocate(
            for: id, on: IPv4Address("192.0.2.1"), in: PortNumber("1000")...PortNumber("65535"), at: Sample.now)
          try state.instances.insert(
            Instance(
              id: id, cloud: .local, state: .running, imageId: "ami-0123456789abcdef0", handle: ["pid": "1"],
              createdAt: Sample.now))
        }
      }
      var times: [Duration] = []
      for _ in 0..<5 {
        let started = ContinuousClock.now
        let rows = try await store.read { try $0.projects.overview() }
        times.append(ContinuousClock.now - started)
        #expect(rows.count == 1000)
        #expect(rows[0].publicPort?.rawValue == 1000 && rows[0].state == .running)
      }
      let best = try #require(times.min())
      print("list of 1,000 projects: \(best)")
    }
  }

  @Test("a revocation list of 20,000 entries is read whole")
  func revocations() async throws {
    try await withStore { store in
      let authority = try await store.write { state in
        let authority = try Sample.addAuthority(to: state)
        for _ in 0..<20_000 {
          try state.revocations.insert(
            Revocation(
              authorityId: authority.id, serial: Sample.randomSerial(), reason: .superseded, revokedAt: Sample.now,
              expiresAt: Sample.now + Sample.day))
        }
        return authority
      }
      let started = ContinuousClock.now
      let listed = try await store.read { try $0.revocations.listed(of: authority.id) }
      let time = ContinuousClock.now - started
      print("20,000 revocations: \(time)")
      #expect(listed.count == 20_000)
    }
  }
}
