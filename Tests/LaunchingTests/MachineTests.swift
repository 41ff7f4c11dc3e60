import Foundation
import Host
import LaunchDoubles
import Launching
import Names
import State
import Testing

@Suite("A machine of a project") struct MachineTests {
  private func web(
    _ port: MachinePort = .tap(user: nil), change: (inout AttachRequest) throws -> Void = { _ in }
  ) throws -> AttachRequest {
    var request = AttachRequest(try MachineName("web"), to: try network("acme"), port: port)
    try change(&request)
    return request
  }

  private func withCloudpipe(_ body: (Site, NetworkID) async throws -> Void) async throws {
    try await withSite { site in
      let id = try await site.launcher().launch(LaunchRequest(network("acme"))).id
      try await body(site, id)
    }
  }

  private func addresses(at site: Site, _ id: NetworkID) async throws -> [String] {
    try await site.store.read { try $0.addresses.all(in: id).filter { $0.role == .machine }.map(\.address.text) }
  }

  @Test("gets an address, stays through a restart, and gives it back")
  func life() async throws {
    try await withCloudpipe { site, id in
      let machine = try await site.launcher().attach(web())
      #expect(machine.address.text == "10.2.0.3")
      #expect(site.cloud.text("network", id) == "10.2.0.0/24 web=10.2.0.3")
      let status = try await site.launcher().status(of: id)
      #expect(status.machines == [machine])
      _ = try await site.launcher().restart(id)
      #expect(site.cloud.text("network", id) == "10.2.0.0/24 web=10.2.0.3")
      let was = try await site.launcher().detach(machine.name, from: id)
      let wasAgain = try await site.launcher().detach(machine.name, from: id)
      #expect(was && !wasAgain)
      #expect(site.cloud.text("network", id) == "10.2.0.0/24")
      let left = try await addresses(at: site, id)
      #expect(left.isEmpty)
    }
  }

  @Test("that is attached again moves with its address, and isn't given another one")
  func moves() async throws {
    try await withCloudpipe { site, id in
      let first = try await site.launcher().attach(web())
      let moved = try await site.launcher().attach(web(.namespace(path: "/run/netns/web", interface: .first)))
      #expect((moved.address, moved.mac) == (first.address, first.mac) && moved.port != first.port)
      await #expect(throws: LaunchError.self) {
        try await site.launcher().attach(web { $0.address = try IPv4Address("10.2.0.9") })
      }
      await #expect(throws: LaunchError.self) {
        try await site.launcher().attach(web { $0.mac = try MACAddress("fa:16:3e:00:00:01") })
      }
      // A move that fails leaves it where it was.
      await #expect(throws: CloudDouble.Refusal.self) {
        try await site.launcher(faults: ["attach": .failure]).attach(web())
      }
      let status = try await site.launcher().status(of: id)
      #expect(status.machines == [moved])
    }
  }

  @Test("gets the address and MAC address that were asked for, unless another has them or machines can't")
  func chosen() async throws {
    try await withCloudpipe { site, id in
      let mac = try MACAddress("fa:16:3e:00:00:01")
      let machine = try await site.launcher().attach(
        web {
          $0.address = try IPv4Address("10.2.0.77")
          $0.mac = mac
        })
      #expect(machine.address.text == "10.2.0.77" && machine.mac == mac)
      for address in ["10.2.0.0", "10.2.0.1", "10.2.0.2", "10.2.0.77", "10.2.0.250", "10.2.0.255", "10.3.0.9"] {
        var request = AttachRequest(try MachineName("db"), to: id, port: .tap(user: nil))
        request.address = try IPv4Address(address)
        await #expect(throws: StateError.self, "\(address)") { try await site.launcher().attach(request) }
      }
      var request = AttachRequest(try MachineName("db"), to: id, port: .tap(user: nil))
      request.mac = mac
      await #expect(throws: StateError.self) { try await site.launcher().attach(request) }
      #expect(try await addresses(at: site, id) == ["10.2.0.77"])
    }
  }

  @Test("can't have the cloudpipe's name, and needs a cloudpipe's network")
  func refused() async throws {
    try await withCloudpipe { site, id in
      let named = AttachRequest(try MachineName("acme-vpn"), to: id, port: .tap(user: nil))
      await #expect(throws: LaunchError.self) { try await site.launcher().attach(named) }
      let elsewhere = AttachRequest(try MachineName("web"), to: try network("zeta"), port: .tap(user: nil))
      await #expect(throws: LaunchError.self) { try await site.launcher().attach(elsewhere) }
      let left = try await addresses(at: site, id)
      #expect(left.isEmpty)
    }
  }

  @Test("that can't be plugged in leaves nothing")
  func fails() async throws {
    try await withCloudpipe { site, id in
      await #expect(throws: CloudDouble.Refusal.self) {
        try await site.launcher(faults: ["attach": .failure]).attach(web())
      }
      #expect(site.cloud.text("network", id) == "10.2.0.0/24")
      let left = try await addresses(at: site, id)
      #expect(left.isEmpty)
    }
  }

  @Test("goes with its network")
  func terminated() async throws {
    try await withCloudpipe { site, id in
      _ = try await site.launcher().attach(web())
      try await site.launcher().terminate(id)
      let remains = try await site.remains
      #expect(remains == [])
    }
  }

  @Test("eight attached at once have eight addresses and all stay")
  func atOnce() async throws {
    try await withCloudpipe { site, id in
      let machines = try await withThrowingTaskGroup(of: AttachedMachine.self) { group in
        for index in 1...8 {
          let name = try MachineName("web-\(index)")
          group.addTask { try await site.launcher().attach(AttachRequest(name, to: id, port: .tap(user: nil))) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(machines.map(\.address)).count == 8 && Set(machines.map(\.mac)).count == 8)
      #expect(site.cloud.text("network", id)?.split(separator: " ").count == 9)
    }
  }
}
