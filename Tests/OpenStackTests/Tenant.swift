import Foundation
import Names
import OpenStack
import State
import Synchronization
import Testing

/// What a user of a cloud has before cpbuild comes: a network with a way to the outside. All of it is removed again.
struct Tenant: Sendable {
  let session: Session
  let admin: Session
  let id: NetworkID
  let network: String
  let subnet: String
  let router: String
  let cidr: IPv4Network

  var neutron: Neutron { Neutron(session: session) }
  var nova: Nova { Nova(session: session) }

  private static let count = Counter()
  private static let sessions = TenantSessions()

  /// - Parameter owner: whose network it is, `demo` or `admin`.
  static func with<Value>(
    owner: String = "demo", _ body: (Tenant) async throws -> Value
  ) async throws -> Value {
    let cloud = try RealCloud.get()
    let number = count.next()
    let name = "net\(number)"
    let (session, admin) = try sessions.get(of: cloud)
    let own = owner == "demo" ? session : admin
    let network = try await own.make(
      "/v2.0/networks",
      ["network": owner == "demo" ? ["name": JSON.text(name)] : ["name": .text(name), "shared": true]])
    let subnet = try await own.make(
      "/v2.0/subnets",
      [
        "subnet": [
          "network_id": JSON.text(network), "ip_version": 4, "cidr": .text("10.77.\(number).0/24"), "name": .text(name),
        ]
      ])
    let outside: [CloudNetwork] = try await Neutron(session: admin).all(
      .networks, [("router:external", "true")], doing: "look outside")
    let router = try await own.make(
      "/v2.0/routers",
      [
        "router": [
          "name": JSON.text(name),
          "external_gateway_info": .mapping(["network_id": .text(try #require(outside.first).id)]),
        ]
      ])
    try await own.put("/v2.0/routers/\(router)/add_router_interface", ["subnet_id": .text(subnet)])
    let tenant = Tenant(
      session: session, admin: admin,
      id: NetworkID(project: try ProjectID("acme\(number)"), name: try NetworkName(name)), network: network,
      subnet: subnet, router: router, cidr: try IPv4Network("10.77.\(number).0/24"))
    let result: Result<Value, any Error>
    do { result = .success(try await body(tenant)) } catch { result = .failure(error) }
    try await own.put("/v2.0/routers/\(router)/remove_router_interface", ["subnet_id": .text(subnet)])
    for path in ["routers/\(router)", "networks/\(network)"] {
      try await own.remove(APIRequest(.delete, "/v2.0/\(path)", doing: "tidy up"), from: .network)
    }
    return try result.get()
  }

  /// Everything in the cloud that cpbuild made, as one line each.
  func leftovers() async throws -> [String] {
    let ports: [PortRecord] = try await neutron.all(.ports, [("network_id", network)], doing: "look")
    let groups: [SecurityGroupRecord] = try await neutron.all(.securityGroups, [], doing: "look")
    let floating: [FloatingAddressRecord] = try await neutron.all(.floatingips, [], doing: "look")
    let servers: [ServerRecord] = try await nova.servers(marked: "cpbuild", "\(id)", tag: "cpbuild")
    var found = ports.filter { $0.deviceOwner != "network:router_interface" }.map { "port \($0.name)" }
    found += groups.filter { $0.name == "\(id.project)-vpn" }.map { "group \($0.name)" }
    found += floating.filter { $0.description == "cpbuild \(id)" || $0.description == "cpbuild shared address" }
      .map { "floating address \($0.floatingIpAddress)" }
    found += servers.map { "server \($0.name)" }
    if try await nova.keyPair(named: "\(id.project)-vpn") != nil { found.append("key pair \(id.project)-vpn") }
    return found
  }
}

/// A JSON value, for requests that cpbuild itself has no need of.
enum JSON: Encodable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, Sendable {
  case text(String)
  case number(Int)
  case truth(Bool)
  case list([JSON])
  case mapping([String: JSON])

  init(integerLiteral value: Int) { self = .number(value) }
  init(stringLiteral value: String) { self = .text(value) }
  init(booleanLiteral value: Bool) { self = .truth(value) }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .truth(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .mapping(let value): try container.encode(value)
    }
  }
}

extension Session {
  struct Made: Decodable { let id: String }

  /// - Returns: the new thing's id.
  func make(_ path: String, _ body: some Encodable, in service: ServiceType = .network) async throws -> String {
    let answer = try await send(try APIRequest(.post, path, doing: "make \(path)", json: body), to: service)
    return try #require(try answer.decode([String: Made].self).values.first).id
  }

  func put(_ path: String, _ body: [String: JSON], in service: ServiceType = .network) async throws {
    _ = try await send(try APIRequest(.put, path, doing: "change \(path)", json: body), to: service)
  }
}

/// The user's and the administrator's, the same for all tenants of a cloud: a login, and each service's first look at a
/// token, take longer than anything else.
private final class TenantSessions: Sendable {
  private let known = Mutex<[String: (Session, Session)]>([:])

  func get(of cloud: RealCloud) throws -> (user: Session, admin: Session) {
    try known.withLock { known in
      let sessions = try known[cloud.authUrl] ?? (cloud.session(), cloud.session("admin", project: "admin"))
      known[cloud.authUrl] = sessions
      return sessions
    }
  }
}

/// Numbers for names, one after the other.
final class Counter: Sendable {
  private let last = Mutex(0)
  func next() -> Int {
    last.withLock {
      $0 += 1
      return $0
    }
  }
}
