import Foundation
import OpenStack
public import State

extension OpenStackCloud {
  public func boot(_ instance: InstancePlan) async throws -> [String: String] {
    let id = instance.network
    if let found = try await server(of: id) {
      if Self.lives(found.status) { return handle(of: found.id, user: found.userId) }
      // One that is in ERROR, or was switched off, is booted anew, so that it has this payload.
      try await removeInstance(of: id, knownAs: [:])
    }
    let request = try await request(for: instance)
    let made: String = try await session.converge(isAbsent: true) {
      try await server(of: id)?.id
    } make: {
      try await nova.make(request)
    }
    return handle(of: made, user: try await session.standing.user)
  }

  public func restart(_ instance: InstancePlan) async throws -> [String: String] {
    try await removeInstance(of: instance.network, knownAs: [:])
    return try await boot(instance)
  }

  public func removeInstance(of id: NetworkID, knownAs handle: [String: String]) async throws {
    var all = try await servers(of: id)
    if let known = handle[Self.serverKey], !all.contains(where: { $0.id == known }),
      let server = try await nova.server(known), server.status != "DELETED"
    {
      all.append(server)
    }
    for server in all {
      try await nova.removeServer(server.id)
      // Its port is free, and its name, when it is gone and not before.
      let deadline = ContinuousClock.now + patience.removal
      while let left = try await nova.server(server.id), left.status != "DELETED" {
        guard ContinuousClock.now < deadline else {
          throw OpenStackError.noAnswer(
            doing: "remove the instance \(server.name)", seconds: Int(patience.removal.components.seconds))
        }
        try await Task.sleep(for: patience.interval)
      }
    }
  }

  /// The network's instance: the newest, should there be several.
  func server(of id: NetworkID) async throws -> ServerRecord? {
    try await servers(of: id).max { ($0.created ?? "") < ($1.created ?? "") }
  }

  func servers(of id: NetworkID) async throws -> [ServerRecord] {
    let mark = OpenStackMark(id)
    return try await nova.servers(marked: OpenStackMark.metadataKey, mark.subject, tag: mark.tag)
  }

  private static func lives(_ status: String) -> Bool {
    ["ACTIVE", "BUILD", "REBUILD", "REBOOT", "HARD_REBOOT"].contains(status)
  }

  public func awaitBoot(_ handle: [String: String]) async throws {
    let id = handle[Self.serverKey] ?? ""
    let deadline = ContinuousClock.now + patience.boot
    var status = "BUILD"
    repeat {
      // A look at the instance itself costs the services more, which are busy building it.
      if try await !nova.isBuilding(id) {
        guard let server = try await nova.server(id) else {
          throw OpenStackError.notFound(doing: "boot the instance \(id)", why: "somebody removed it")
        }
        if server.status == "ACTIVE" { return }
        status = server.status
        if server.status == "ERROR" {
          throw OpenStackError.instanceFault(name: server.name, why: server.fault?.message ?? "Nova gives no reason")
        }
      }
      try await Task.sleep(for: patience.glance)
    } while ContinuousClock.now < deadline
    throw OpenStackError.noAnswer(
      doing: "boot the instance \(id), which is still \(status)", seconds: Int(patience.boot.components.seconds))
  }

  func handle(of server: String, user: String?) -> [String: String] {
    var handle = ["cloud": name, Self.serverKey: server]
    handle[InstanceOwner.key] = user
    return handle
  }
  private static let serverKey = "server"

  private func request(for instance: InstancePlan) async throws -> ServerRequest {
    let id = instance.network
    async let flavors = nova.flavors()
    async let images = glanceImage(instance.image.cloudID ?? instance.image.id)
    async let ports = port(of: id)
    let known = try await flavors
    guard let flavor = known.first(where: { $0.name == instance.flavor.name || $0.id == instance.flavor.name }) else {
      throw OpenStackError.unknown(what: "flavor \(instance.flavor.name)", known: known.map(\.name).sorted())
    }
    guard let image = try await images else {
      throw OpenStackError.unknown(
        what: "image \(instance.image.id)", known: try await publishedIDs())
    }
    guard let port = try await ports else { throw OpenStackError.unknown(what: "port of \(id)", known: []) }
    let mark = OpenStackMark(id)
    return ServerRequest(
      name: instance.name, image: image.id, flavor: flavor.id, keyPair: instance.keyPair.name, port: port.id,
      userData: try Self.userData(instance.payload),
      metadata: ServerMetadata.make(image: instance.image.id, memo: instance.memo)
        .merging([OpenStackMark.metadataKey: mark.subject]) { $1 },
      tags: mark.tags)
  }

  /// Nova takes base64 and hands out what it says; the guest takes a zip in base64, which is safe on any way, and as it
  /// is, which is shorter.
  static func userData(_ payload: Data) throws -> String {
    // The column that Nova keeps it in.
    let limit = 65_535
    let twice = Data(payload.base64EncodedString().utf8).base64EncodedString()
    if twice.utf8.count <= limit { return twice }
    let once = payload.base64EncodedString()
    guard once.utf8.count <= limit else {
      throw OpenStackError.impossible(
        doing: "hand over a payload of \(payload.count) bytes", why: "Nova takes \(limit / 4 * 3) at most")
    }
    return once
  }
}
