import Foundation

public struct ServerRecord: Decodable, Sendable {
  public struct Fault: Decodable, Sendable { public let message: String }
  public let id: String
  /// What it is called; its id where Nova can't say, as of one in a part of the cloud that is down.
  public var name: String { called ?? id }
  public let status: String
  public let metadata: [String: String]?
  public let created: String?
  public let userId: String?
  public let fault: Fault?
  public let tags: [String]?
  public let image: Named?
  public let flavor: Flavor?
  private let called: String?

  private enum CodingKeys: String, CodingKey {
    case id, status, metadata, created, userId, fault, tags, image, flavor
    case called = "name"
  }

  /// Since microversion 2.47 a flavor as it was when the server was made.
  public struct Flavor: Decodable, Sendable { public let originalName: String? }

  /// An image by its id; a server that boots from a volume has an empty text instead.
  public struct Named: Decodable, Sendable {
    public let id: String?

    public init(from decoder: any Decoder) throws {
      id = try? decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .id)
    }

    private enum CodingKeys: String, CodingKey { case id }
  }
}

/// A server to make.
public struct ServerRequest: Encodable, Sendable {
  struct Port: Encodable, Sendable { let port: String }

  let name: String
  let image: String
  let flavor: String
  let keyPair: String
  let networks: [Port]
  let userData: String
  let metadata: [String: String]
  var tags: [String]?

  /// - Parameter userData: the base64 text that Nova keeps; at most 65,535 characters.
  public init(
    name: String, image: String, flavor: String, keyPair: String, port: String, userData: String,
    metadata: [String: String], tags: [String]
  ) {
    self.name = name
    self.image = image
    self.flavor = flavor
    self.keyPair = keyPair
    networks = [Port(port: port)]
    self.userData = userData
    self.metadata = metadata
    self.tags = tags
  }

  // Nova's own spelling, which is of two kinds.
  private enum CodingKeys: String, CodingKey {
    case name, networks, metadata, tags
    case image = "imageRef"
    case flavor = "flavorRef"
    case keyPair = "key_name"
    case userData = "user_data"
  }
}

extension Nova {
  /// The servers that carry this in their metadata.
  public func servers(marked key: String, _ value: String, tag: String) async throws -> [ServerRecord] {
    try await servers(tagged: tag, doing: "look for the instance of \(value)").filter { $0.metadata?[key] == value }
  }

  /// The servers with a tag; all of them where the service makes servers without.
  public func servers(tagged tag: String, doing: String) async throws -> [ServerRecord] {
    var request = APIRequest(.get, "/servers/detail", doing: doing)
    if try await tagsAtOnce { request.query = [("tags", tag)] }
    return try await list("servers", request)
  }

  public func server(_ id: String) async throws -> ServerRecord? {
    try await ifThere {
      try await send(APIRequest(.get, "/servers/\(APIRequest.escaped(id))", doing: "look at the instance \(id)"))
        .decode(Sole<ServerRecord>.self).item
    }
  }

  /// Whether the server is among those that are being built. Nova answers from its own tables, whereas for
  /// ``server(_:)`` it asks Neutron as well.
  public func isBuilding(_ id: String) async throws -> Bool {
    var request = APIRequest(.get, "/servers", doing: "see whether the instance \(id) is built")
    request.query = [("status", "BUILD")]
    let building: [Made] = try await list("servers", request)
    return building.contains { $0.id == id }
  }

  /// - Returns: the new server's id.
  public func make(_ server: ServerRequest) async throws -> String {
    var server = server
    if try await !tagsAtOnce { server.tags = nil }
    let encoder = JSONEncoder()
    // The same request is the same text.
    encoder.outputFormatting = [.sortedKeys]
    let body = try encoder.encode(["server": server])
    var request = APIRequest(.post, "/servers", doing: "make the instance \(server.name)")
    request.body = .json(body)
    request.headers.append(("Content-Type", "application/json"))
    return try await send(request).decode(Sole<Made>.self).item.id
  }

  public func removeServer(_ id: String) async throws {
    try await ifThere {
      try await send(APIRequest(.delete, "/servers/\(APIRequest.escaped(id))", doing: "remove the instance \(id)"))
    }
  }

  /// The end of what the server said on its console.
  ///
  /// - Parameter lines: nil for as many as Nova keeps, which with libvirt is 100 KiB of them.
  public func console(of id: String, lines: Int?) async throws -> String {
    var request = try APIRequest(
      .post, "/servers/\(APIRequest.escaped(id))/action", doing: "read the console of the instance \(id)",
      json: ["os-getConsoleOutput": lines.map { ["length": $0] } ?? [:]])
    request.isRepeatable = true
    return try await send(request).decode(Console.self).output
  }

  private struct Made: Decodable { let id: String }
  private struct Console: Decodable { let output: String }
}
