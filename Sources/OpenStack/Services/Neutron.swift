import Foundation

/// The network service (Networking API v2.0).
public struct Neutron: Sendable {
  public let session: Session

  public init(session: Session) { self.session = session }

  public enum Collection: String, Sendable {
    case networks, subnets, ports, floatingips
    case securityGroups = "security-groups"
    case securityGroupRules = "security-group-rules"
  }

  /// All of a collection that match.
  public func all<Item: Decodable & Sendable>(
    _ collection: Collection, _ filters: [(name: String, value: String)], doing: String
  ) async throws -> [Item] {
    var request = APIRequest(.get, "/v2.0/\(collection.rawValue)", doing: doing)
    request.query = filters
    return try await session.list(collection.rawValue.replacing("-", with: "_"), request, of: .network)
  }

  /// Makes one, or all of a list; not to be repeated by itself.
  public func make<Item: Decodable>(
    _ collection: Collection, _ kind: String, _ body: some Encodable, doing: String
  ) async throws -> Item {
    let request = try APIRequest(.post, "/v2.0/\(collection.rawValue)", doing: doing, json: [kind: body])
    return try await session.send(request, to: .network).decode(Sole<Item>.self).item
  }

  public func change<Item: Decodable>(
    _ collection: Collection, _ kind: String, _ id: String, _ body: some Encodable, doing: String
  ) async throws -> Item {
    let path = "/v2.0/\(collection.rawValue)/\(APIRequest.escaped(id))"
    let request = try APIRequest(.put, path, doing: doing, json: [kind: body])
    return try await session.send(request, to: .network).decode(Sole<Item>.self).item
  }

  /// None is fine.
  public func remove(_ collection: Collection, _ id: String, doing: String) async throws {
    try await session.remove(
      APIRequest(.delete, "/v2.0/\(collection.rawValue)/\(APIRequest.escaped(id))", doing: doing), from: .network)
  }

  /// Sets a thing's tags, in place of those that it had.
  public func tag(_ collection: Collection, _ id: String, _ tags: [String], doing: String) async throws {
    let path = "/v2.0/\(collection.rawValue)/\(APIRequest.escaped(id))/tags"
    _ = try await session.send(try APIRequest(.put, path, doing: doing, json: ["tags": tags]), to: .network)
  }

  /// The aliases of the extensions that the service has.
  public func extensions() async throws -> Set<String> {
    let request = APIRequest(.get, "/v2.0/extensions", doing: "ask what the network service can do")
    let all: [Extension] = try await session.list("extensions", request, of: .network)
    return Set(all.map(\.alias))
  }

  private struct Extension: Decodable, Sendable { let alias: String }
}

/// `{"port": {…}}`.
struct Sole<Item: Decodable>: Decodable {
  let item: Item

  init(from decoder: any Decoder) throws {
    let values = try decoder.singleValueContainer().decode([String: Item].self)
    guard let item = values.values.first else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "an empty object"))
    }
    self.item = item
  }
}
