import Clouds
import Foundation
import Host
import Launching
import Names
import OpenStack
import State
import Testing

extension OpenStackTests {
  @Suite struct LaunchTests {
    @Test("a launch takes the network's second address and a floating address, and is found, restarted and ended")
    func wholeLife() async throws {
      try await LaunchedTenant.with { launched in
        let tenant = launched.tenant
        let first = try await launched.launcher().launch(launched.request)
        #expect(first.forward.instance == tenant.cidr.address(at: 2))
        #expect(first.forward.port.rawValue == 1194)
        #expect(try await launched.launcher().launch(launched.request).wasRunning)
        let row = try #require(try await launched.store.read { try $0.instances.find(tenant.id) })
        #expect(row.cloud == .openstack && row.cloudName == "tests" && row.state == .running)
        let payload = try await tenant.userData(of: try #require(row.handle["server"]))
        let archive = Data(base64Encoded: payload.trimmingCharacters(in: .whitespacesAndNewlines))
        #expect(archive?.starts(with: Data("PK".utf8)) == true)
        // Who may choose an address gets none for a port that it can't have.
        let admin = try RealCloud.get().session("admin", project: "demo")
        let (elsewhere, port) = (try IPv4Address("198.51.100.200"), try PortNumber("20007"))
        await #expect(throws: LaunchError.self) {
          try await launched.launcher(admin).change(tenant.id, address: elsewhere, port: port)
        }
        let floating: [FloatingAddressRecord] = try await tenant.neutron.all(
          .floatingips, [("description", "cpbuild \(tenant.id)")], doing: "look")
        #expect(floating.map(\.floatingIpAddress) == [first.forward.address.text])
        let second = try await launched.launcher().restart(tenant.id)
        #expect(second.forward == first.forward)
        #expect(try await launched.launcher().status(of: tenant.id).state == .running)
        try await launched.launcher().terminate(tenant.id)
        let left = try await launched.leftovers()
        #expect(left == [])
      }
    }

    @Test("who doesn't know of another user's cloudpipe leaves it alone; who does is told of that user's key pair")
    func twoUsers() async throws {
      try await LaunchedTenant.with { launched in
        let id = launched.tenant.id
        _ = try await launched.launcher().launch(launched.request)
        let admin = try RealCloud.get().session("admin", project: "demo")
        let folder = try Folder.makeTemporary("other-state")
        defer { try? Folder.remove(folder) }
        let store = try await StateStore.open(Home(folder))
        let other = LaunchedTenant(tenant: launched.tenant, store: store, session: admin, settings: launched.settings)
        let error = await #expect(throws: LaunchError.self) { try await other.launcher().launch(other.request) }
        #expect(error.map { "\($0)" }?.contains("cpbuild adopt --cloud tests") == true)
        try store.close()
        #expect(try await launched.launcher().status(of: id).state == .running)
        _ = try await launched.launcher(admin).restart(id)
        let owner = try await launched.session.standing.user
        let isTold = launched.warnings.all.contains { $0.contains("key pair \(id.project)-vpn of the user \(owner)") }
        #expect(isTold, "\(launched.warnings.all)")
        try await launched.launcher(admin).terminate(id)
        #expect(try await Nova(session: admin).keyPair(named: "\(id.project)-vpn") == nil)
        try await launched.tenant.nova.removeKeyPair(named: "\(id.project)-vpn")
        let left = try await launched.leftovers()
        #expect(left == [])
      }
    }

    @Test("on a network of one's own clients are bridged: the port lets all by, and nobody gets the clients' addresses")
    func bridged() async throws {
      try await LaunchedTenant.with { launched in
        let tenant = launched.tenant
        _ = try await launched.launcher().launch(launched.request)
        let network = try await launched.store.read { try $0.networks.get(tenant.id) }
        #expect(network.mode == .bridged)
        let port = try #require(try await tenant.ports().first { !$0.name.hasSuffix("clients") })
        #expect(port.portSecurityEnabled == false && port.tags?.contains("cpbuild") == true)
        let kept = try await tenant.ports().first { $0.name.hasSuffix("clients") }?.fixedIps.compactMap(\.ipAddress)
        let clients = try #require(tenant.cidr.lastHosts(5))
        #expect(kept?.count == 5 && kept?.contains(clients.lowerBound.text) == true)
        try await launched.launcher().terminate(tenant.id)
        let left = try await launched.leftovers()
        #expect(left == [])
      }
    }

    @Test("on somebody else's network clients are routed, and why is said; bridged mode is refused with the reason")
    func routed() async throws {
      try await LaunchedTenant.with(owner: "admin") { launched in
        let tenant = launched.tenant
        var bridged = launched.request
        bridged.mode = .bridged
        let error = await #expect(throws: LaunchError.self) { try await launched.launcher().launch(bridged) }
        #expect(error.map { "\($0)" }?.contains("only the network's owner") == true)
        let left = try await launched.leftovers()
        #expect(left == [])
        _ = try await launched.launcher().launch(launched.request)
        let network = try await launched.store.read { try $0.networks.get(tenant.id) }
        #expect(network.mode == .routed && network.tunnelPool != nil)
        #expect(launched.warnings.all.contains { $0.contains("routed mode") && $0.contains("owner") })
        let port = try #require(try await tenant.ports().first)
        #expect(port.portSecurityEnabled == true && port.securityGroups?.count == 1)
        try await launched.launcher().terminate(tenant.id)
        let leftAfter = try await launched.leftovers()
        #expect(leftAfter == [])
      }
    }

    @Test("where the second address is taken another is had and said; one that is asked for and taken is refused")
    func addresses() async throws {
      try await LaunchedTenant.with { launched in
        let tenant = launched.tenant
        let second = try #require(tenant.cidr.address(at: 2))
        let blocker = try await tenant.session.make(
          "/v2.0/ports",
          [
            "port": [
              "network_id": JSON.text(tenant.network), "device_owner": "network:dhcp",
              "fixed_ips": .list([.mapping(["ip_address": .text(second.text)])]),
            ]
          ])
        var request = launched.request
        request.address = second
        let error = await #expect(throws: LaunchError.self) { try await launched.launcher().launch(request) }
        #expect(error.map { "\($0)" }?.contains("something is in its way") == true)
        // The network's own, the gateway's, the broadcast address, and one of another network.
        for index in [0, 1, -1, tenant.cidr.count] {
          request.address = tenant.cidr.address.advanced(by: index < 0 ? tenant.cidr.count + index : index)
          let error = await #expect(throws: LaunchError.self) { try await launched.launcher().launch(request) }
          guard case .step(_, _, _, _, StateError.unsuitable) = error else {
            Issue.record("\(index): \(error.map { "\($0)" } ?? "")")
            continue
          }
        }
        let found = try await launched.launcher().launch(launched.request)
        #expect(found.forward.instance != second)
        #expect(launched.warnings.all.contains { $0.contains("\(found.forward.instance), since \(second)") })
        try await launched.launcher().terminate(tenant.id)
        try await tenant.neutron.remove(.ports, blocker, doing: "tidy up")
        let left = try await launched.leftovers()
        #expect(left == [])
      }
    }

    @Test("with a shared address each network has a high port of it, and the last one takes the address with it")
    func shared() async throws {
      var settings = OpenStackSettings()
      settings.publicAccess = .shared
      try await LaunchedTenant.with(settings: settings) { launched in
        let tenant = launched.tenant
        let first = try await launched.launcher().launch(launched.request)
        #expect(first.forward.port.rawValue == 20000)
        let moved = try await launched.launcher().change(tenant.id, address: nil, port: try PortNumber("20007"))
        #expect(moved.new.port.rawValue == 20007 && moved.new.address == moved.old.address)
        let floating: [FloatingAddressRecord] = try await tenant.neutron.all(
          .floatingips, [("description", "cpbuild shared address")], doing: "look")
        let forwardings = try await tenant.neutron.forwardings(of: try #require(floating.first).id)
        #expect(forwardings.map(\.externalPort) == [20007] && forwardings.first?.internalPort == 1194)
        try await launched.launcher().terminate(tenant.id)
        let left = try await launched.leftovers()
        #expect(left == [])
      }
    }
  }
}
