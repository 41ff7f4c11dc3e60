import Foundation
import OpenStack
public import State

extension OpenStackCloud {
  public func boot(_ instance: InstancePlan) async throws -> [String: String] {
    let id = instance.network
    if let found = try await server(of: id) {
      if Self.lives(found.status) { return try await handle(of: awaitActive(found, of: id)) }
      // One that is in ERROR, or was switched off, is booted anew, so that it has this payload.
      try await removeInstance(of: id)
    }
    let request = try await request(for: instance)
    let mark = OpenStackMark(id)
    let made: String = try await session.converge {
      try await server(of: id)?.id
    } make: {
      try await nova.make(request)
    }
    guard let server = try await nova.server(made) else {
      throw OpenStackError.notFound(doing: "boot \(mark.subject)", why: "the instance was removed at once")
    }
    return try await handle(of: awaitActive(server, of: id))
  }

  public func restart(_ instance: InstancePlan) async throws -> [String: String] {
    try await removeInstance(of: instance.network)
    return try await boot(instance)
  }

  public func removeInstance(of id: NetworkID) async throws {
    for server in try await servers(of: id) {
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

  private func awaitActive(_ server: ServerRecord, of id: NetworkID) async throws -> ServerRecord {
    let deadline = ContinuousClock.now + patience.boot
    var server = server
    while server.status != "ACTIVE" {
      if server.status == "ERROR" {
        throw OpenStackError.instanceFault(name: server.name, why: server.fault?.message ?? "Nova gives no reason")
      }
      guard ContinuousClock.now < deadline else {
        throw OpenStackError.noAnswer(
          doing: "boot the instance \(server.name), which is still \(server.status)",
          seconds: Int(patience.boot.components.seconds))
      }
      try await Task.sleep(for: patience.interval)
      guard let now = try await nova.server(server.id) else {
        throw OpenStackError.notFound(doing: "boot the instance \(server.name)", why: "somebody removed it")
      }
      server = now
    }
    return server
  }

  func handle(of server: ServerRecord) -> [String: String] { ["cloud": name, "server": server.id] }

  private func request(for instance: InstancePlan) async throws -> ServerRequest {
    let id = instance.network
    let flavors = try await nova.flavors()
    guard let flavor = flavors.first(where: { $0.name == instance.flavor.name || $0.id == instance.flavor.name }) else {
      throw OpenStackError.unknown(what: "flavor \(instance.flavor.name)", known: flavors.map(\.name).sorted())
    }
    guard let image = try await glanceImage(instance.image.id) else {
      throw OpenStackError.unknown(
        what: "image \(instance.image.id)", known: try await publishedIDs())
    }
    guard let port = try await port(of: id) else { throw OpenStackError.unknown(what: "port of \(id)", known: []) }
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
