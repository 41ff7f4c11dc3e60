import Clouds
import Foundation
import Launching
import Names
import OpenStack
import State
import Testing

extension OpenStackTests {
  /// Answers that are no help, and things that aren't one's own.
  @Suite struct OddAnswerTests {
    @Test("a list that isn't there isn't an empty one: nothing is made twice, and nothing forgotten")
    func hollow() async throws {
      try await LaunchedTenant.with { launched in
        try await FaultProxy.with { proxy in
          let id = launched.tenant.id
          _ = try await launched.launcher().launch(launched.request)
          let session = try proxy.session()
          _ = try await session.standing
          try proxy.plan(.from(1), "hollow")
          for attempt in [{ _ = try await $0.restart(id) }, { try await $0.terminate(id) }]
            as [(Launcher) async throws -> Void]
          {
            let error = await #expect(throws: (any Error).self) { try await attempt(launched.launcher(session)) }
            #expect(error.map { "\($0)" }?.contains("makes no sense") == true, "\(String(describing: error))")
          }
          let servers = try await launched.tenant.nova.servers(marked: "cpbuild", "\(id)", tag: "cpbuild")
          #expect(servers.count == 1)
          try await launched.launcher().terminate(id)
          try await launched.launcher(later: 600).recover()
          let left = try await launched.leftovers()
          #expect(left == [])
        }
      }
    }

    @Test("an answer that doesn't go on is given up like one that doesn't come")
    func stall() async throws {
      try await FaultProxy.with { proxy in
        try proxy.plan(.from(1), "stall")
        let nova = Nova(session: try proxy.session(patience: .seconds(1)))
        let error = await #expect(throws: OpenStackError.self) { try await nova.flavors() }
        guard case .noAnswer = error else { throw try #require(error) }
      }
    }

    @Test("who is cancelled while logging in doesn't wait for the cloud")
    func cancelled() async throws {
      try await FaultProxy.with { proxy in
        try proxy.plan(.from(1), "hold")
        let nova = Nova(session: try proxy.session(patience: .seconds(600)))
        let asking = Task { try await nova.flavors() }
        for _ in 0..<600 where !proxy.isHolding { try await Task.sleep(for: .milliseconds(50)) }
        try #require(proxy.isHolding)
        asking.cancel()
        await #expect(throws: CancellationError.self) { _ = try await asking.value }
      }
    }

    @Test("of another project's things with the same marks, which an administrator sees too, none is taken or removed")
    func otherProject() async throws {
      try await Tenant.with { tenant in
        var port = PortRequest()
        port.networkId = tenant.network
        port.description = "cpbuild \(tenant.id)"
        let _: PortRecord = try await tenant.neutron.make(.ports, "port", port, doing: "make a port")
        let address = try await floatingAddress(tenant, "cpbuild \(tenant.id)")
        let before = try await tenant.leftovers()
        #expect(before.count == 2)
        let cloud = OpenStackCloud(session: tenant.admin, settings: OpenStackSettings())
        try await tenant.removeAll(cloud)
        let after = try await tenant.leftovers()
        #expect(after == before)
        let claim = try await cloud.claimAddress(for: tenant.id, nil, ports: PortNumber("20000")...PortNumber("20009"))
        #expect(claim.map { $0.address.text } != address)
        try await cloud.releaseAddress(of: tenant.id)
        try await tenant.removeAll(OpenStackCloud(session: tenant.session, settings: OpenStackSettings()))
        let left = try await tenant.leftovers()
        #expect(left == [])
      }
    }

    @Test("a floating address that the project has is used where it is asked for, by who may not choose one, and stays")
    func foundAddress() async throws {
      try await LaunchedTenant.with { launched in
        let address = try await floatingAddress(launched.tenant, "mine")
        var request = launched.request
        request.publicAddress = try IPv4Address(address)
        let result = try await launched.launcher().launch(request)
        #expect(result.forward.address.text == address)
        try await launched.launcher().terminate(launched.tenant.id)
        let left = try await launched.leftovers()
        #expect(left == [])
        let all: [FloatingAddressRecord] = try await launched.tenant.neutron.all(
          .floatingips, [("floating_ip_address", address)], doing: "look")
        let found = try #require(all.first)
        #expect(found.portId == nil && found.description == "" && found.tags == ["kept"])
        try await launched.tenant.neutron.remove(.floatingips, found.id, doing: "tidy up")
      }
    }

    /// A floating address with a tag, as a user makes one.
    private func floatingAddress(_ tenant: Tenant, _ description: String) async throws -> String {
      let outside: [CloudNetwork] = try await tenant.neutron.all(
        .networks, [("router:external", "true")], doing: "look outside")
      let made: FloatingAddressRecord = try await tenant.neutron.make(
        .floatingips, "floatingip",
        FloatingAddressRequest(network: try #require(outside.first).id, description: description, address: nil),
        doing: "take an address")
      try await tenant.neutron.tag(.floatingips, made.id, ["kept"], doing: "tag it")
      return made.floatingIpAddress
    }
  }
}
