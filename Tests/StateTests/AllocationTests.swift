import Foundation
import Names
import State
import Testing

@Suite("Addresses, ports and networks")
struct AllocationTests {
  @Test("the first address is the gateway's, the second the cloudpipe's, and machines get the rest below the pool")
  func addresses() async throws {
    try await withStore { store in
      let id = try Sample.network()
      try await store.write { state in
        try Sample.addNetwork(cidr: "10.1.0.0/28", to: state)
        let taken = try state.addresses.all(in: id)
        #expect(taken.map(\.address.text) == ["10.1.0.1", "10.1.0.2"])
        #expect(taken.map(\.role) == [.gateway, .cloudpipe])
        #expect(try state.addresses.cloudpipe(of: id).mac != nil)
        // 16 addresses less network, broadcast, gateway, cloudpipe and 5 for clients.
        for last in 3...9 {
          #expect(try state.addresses.allocate(in: id, holder: "m", at: Sample.now).address.text == "10.1.0.\(last)")
        }
        #expect(throws: StateError.noFreeAddress(network: "acme/default")) {
          try state.addresses.allocate(in: id, holder: "m", at: Sample.now)
        }
        try state.addresses.release(IPv4Address("10.1.0.5"), in: id)
        #expect(try state.addresses.allocate(in: id, holder: "m", at: Sample.now).address.text == "10.1.0.5")
        try state.addresses.release(IPv4Address("10.1.0.2"), in: id)
        #expect(try state.addresses.cloudpipe(of: id).address.text == "10.1.0.2")
      }
    }
  }

  @Test("a network without room is refused, and one whose pool takes all has no address for machines")
  func tight() async throws {
    try await withStore { store in
      #expect(throws: StateError.self) {
        try Network(
          id: Sample.network(), cidr: IPv4Network("10.0.0.0/30"), mode: .bridged, poolSize: 1, createdAt: Sample.now)
      }
      #expect(throws: StateError.self) {
        try Network(
          id: Sample.network(), cidr: IPv4Network("10.0.0.0/29"), mode: .bridged, poolSize: 5, createdAt: Sample.now)
      }
      try await store.write { state in
        let id = try Sample.network()
        try state.projects.ensure(id.project, at: Sample.now)
        try state.networks.insert(
          Network(id: id, cidr: IPv4Network("10.0.0.0/29"), mode: .bridged, poolSize: 4, createdAt: Sample.now))
        #expect(throws: StateError.noFreeAddress(network: "acme/default")) {
          try state.addresses.allocate(in: id, holder: "m", at: Sample.now)
        }
      }
    }
  }

  @Test("networks of one project never overlap; those of two projects may")
  func overlap() async throws {
    try await withStore { store in
      try await store.write { state in
        try Sample.addNetwork("acme", "a", cidr: "10.1.0.0/16", to: state)
        try Sample.addNetwork("other", "a", cidr: "10.1.0.0/16", to: state)
        for cidr in ["10.1.0.0/16", "10.1.5.0/24", "10.0.0.0/8"] {
          #expect(throws: StateError.self) { try Sample.addNetwork("acme", "b", cidr: cidr, to: state) }
        }
        #expect(throws: StateError.alreadyExists(kind: "network", id: "acme/a")) {
          try Sample.addNetwork("acme", "a", cidr: "10.9.0.0/16", to: state)
        }
        try Sample.addNetwork("acme", "b", cidr: "10.2.0.0/16", to: state)
        #expect(try state.networks.all(of: ProjectID("acme")).map(\.name.text) == ["a", "b"])
      }
    }
  }

  @Test("a network reads back as it was written")
  func roundTrip() async throws {
    try await withStore { store in
      try await store.write { state in
        let id = try Sample.network("acme", "r")
        try state.projects.ensure(id.project, at: Sample.now)
        let network = try Network(
          id: id, cidr: IPv4Network("10.1.0.0/24"), cidr6: IPv6Network("fd00:1::/64"), mode: .routed, poolSize: 9,
          tunnelPool: IPv4Network("10.8.0.0/24"), tunnelPool6: IPv6Network("fd00:8::/64"),
          routes: [IPv4Network("10.2.0.0/16"), IPv4Network("10.3.0.0/16")], dns: [IPv4Address("10.1.0.53")],
          dnsDomain: HostName("acme.example"), createdAt: Sample.now)
        try state.networks.insert(network)
        #expect(try state.networks.get(id) == network)
      }
    }
  }

  @Test("a bridged network has no tunnel pool, a routed one needs it")
  func modes() async throws {
    try await withStore { store in
      try await store.write { state in
        let id = try Sample.network()
        try state.projects.ensure(id.project, at: Sample.now)
        let cidr = try IPv4Network("10.1.0.0/24")
        #expect(throws: StateError.self) {
          try state.networks.insert(Network(id: id, cidr: cidr, mode: .routed, createdAt: Sample.now))
        }
        #expect(throws: StateError.self) {
          try state.networks.insert(
            Network(id: id, cidr: cidr, mode: .bridged, tunnelPool: IPv4Network("10.8.0.0/24"), createdAt: Sample.now))
        }
      }
    }
  }

  @Test(
    "a cloudpipe can't have an address that no host of the network has, or the gateway's",
    arguments: ["10.1.0.0", "10.1.0.255", "10.1.0.9", "10.2.0.2"])
  func cloudpipe(address: String) throws {
    #expect(throws: StateError.self) {
      try Network(
        id: Sample.network(), cidr: IPv4Network("10.1.0.0/24"), mode: .bridged, gateway: IPv4Address("10.1.0.9"),
        reservedAddress: IPv4Address(address), createdAt: Sample.now)
    }
  }

  @Test("a network keeps its port, ports are handed out lowest first, and two networks never share one")
  func ports() async throws {
    try await withStore { store in
      let address = try IPv4Address("192.0.2.1")
      let range = try PortNumber("1000")...PortNumber("1002")
      try await store.write { state in
        for index in 0..<4 { try Sample.addNetwork("p\(index)", to: state) }
        func allocate(_ index: Int) throws -> UInt16 {
          try state.publicPorts.allocate(for: Sample.network("p\(index)"), on: address, in: range, at: Sample.now)
            .port.rawValue
        }
        #expect(try [allocate(0), allocate(1), allocate(1), allocate(2)] == [1000, 1001, 1001, 1002])
        #expect(throws: StateError.noFreePort(address: address, first: range.lowerBound, last: range.upperBound)) {
          try allocate(3)
        }
        try state.publicPorts.release(Sample.network("p1"))
        #expect(try allocate(3) == 1001)
        // Those that others have are passed over.
        for index in [0, 2, 3] { try state.publicPorts.release(Sample.network("p\(index)")) }
        let others = try Set(["1000", "1002"].map { try PortNumber($0) })
        func passing(_ index: Int) throws -> UInt16 {
          try state.publicPorts.allocate(
            for: Sample.network("p\(index)"), on: address, in: range, but: others, at: Sample.now
          ).port.rawValue
        }
        #expect(try passing(0) == 1001)
        #expect(throws: StateError.noFreePort(address: address, first: range.lowerBound, last: range.upperBound)) {
          try passing(2)
        }
        try state.publicPorts.release(Sample.network("p0"))
        #expect(try [allocate(0), allocate(3), allocate(2)] == [1000, 1001, 1002])
        let taken = try PublicPort(
          address: address, port: PortNumber("1000"), network: Sample.network("p2"), createdAt: Sample.now)
        #expect(throws: StateError.alreadyExists(kind: "public port", id: "192.0.2.1:1000/udp")) {
          try state.publicPorts.change(to: taken)
        }
        #expect(try state.publicPorts.find(Sample.network("p2"))?.port.rawValue == 1002)
        let free = try PublicPort(
          address: address, port: PortNumber("443"), network: Sample.network("p2"), createdAt: Sample.now)
        try state.publicPorts.change(to: free)
        #expect(try state.publicPorts.find(Sample.network("p2")) == free)
      }
    }
  }

  @Test("what is in use can't be removed, and what isn't there is said not to be")
  func removal() async throws {
    try await withStore { store in
      try await store.write { state in
        try Sample.addNetwork(to: state)
        let id = try Sample.network()
        _ = try state.addresses.allocate(in: id, holder: "m", at: Sample.now)
        #expect(throws: StateError.self) { try state.projects.remove(id.project) }
      }
      await #expect(throws: StateError.self) {
        try await store.write { try $0.networks.remove(Sample.network()) }
      }
      try await store.write { state in
        let id = try Sample.network()
        #expect(try state.addresses.all(in: id).count == 3)
        try state.addresses.release(IPv4Address("10.1.0.3"), in: id)
        try state.networks.remove(id)
        try state.projects.remove(id.project)
        #expect(throws: StateError.notFound(kind: "project", id: "acme")) { try state.projects.remove(id.project) }
        #expect(throws: StateError.notFound(kind: "network", id: "acme/default")) { try state.networks.get(id) }
      }
    }
  }

  @Test("a transaction that fails leaves nothing behind")
  func rollback() async throws {
    struct Stop: Error {}
    try await withStore { store in
      await #expect(throws: Stop.self) {
        try await store.write { state in
          try Sample.addNetwork(to: state)
          throw Stop()
        }
      }
      let projects = try await store.read { try $0.projects.all() }
      #expect(projects.isEmpty)
    }
  }
}
