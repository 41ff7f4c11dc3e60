import Foundation

/// The compute service (Compute API v2.1).
public struct Nova: Sendable {
  public let session: Session

  public init(session: Session) { self.session = session }

  /// The newest microversion that this client was written for: flavors are named in servers (2.47), and tags are given
  /// with a server's creation (2.52).
  private static let newest = Microversion(2, 72)

  /// The newest that both sides know.
  func microversion() async throws -> Microversion {
    let endpoint = try await session.endpoint(of: .compute)
    let ranges = try await session.versions(of: .compute, at: endpoint).compactMap(\.microversions)
    guard let range = ranges.first else { return Microversion(2, 1) }
    return max(range.lowerBound, min(range.upperBound, Self.newest))
  }

  /// Whether servers are made with their tags on them.
  var tagsAtOnce: Bool {
    get async throws { try await microversion() >= Microversion(2, 52) }
  }

  @discardableResult
  func send(_ request: APIRequest) async throws -> APIAnswer {
    try await session.send(try await versioned(request), to: .compute)
  }

  func list<Item: Decodable & Sendable>(_ name: String, _ request: APIRequest) async throws -> [Item] {
    try await session.list(name, try await versioned(request), of: .compute)
  }

  private func versioned(_ request: APIRequest) async throws -> APIRequest {
    var request = request
    let version = try await microversion()
    request.headers.append(("OpenStack-API-Version", "compute \(version)"))
    // What clouds before the common header's time go by.
    request.headers.append(("X-OpenStack-Nova-API-Version", version.description))
    return request
  }

  // MARK: - Key pairs

  /// The public key of the pair; nil where there is none.
  public func keyPair(named name: String) async throws -> String? {
    try await ifThere {
      try await send(
        APIRequest(.get, "/os-keypairs/\(APIRequest.escaped(name))", doing: "look for the key pair \(name)")
      ).decode(Sole<KeyPairRecord>.self).item.publicKey
    }
  }

  public func makeKeyPair(named name: String, publicKey: String) async throws {
    try await send(
      try APIRequest(
        .post, "/os-keypairs", doing: "import the key pair \(name)",
        json: ["keypair": ["name": name, "public_key": publicKey]]))
  }

  public func removeKeyPair(named name: String) async throws {
    try await ifThere {
      try await send(
        APIRequest(.delete, "/os-keypairs/\(APIRequest.escaped(name))", doing: "remove the key pair \(name)"))
    }
  }

  private struct KeyPairRecord: Decodable { let publicKey: String }

  // MARK: - Flavors

  public func flavors() async throws -> [FlavorRecord] {
    try await list("flavors", APIRequest(.get, "/flavors/detail", doing: "list the flavors"))
  }
}

public struct FlavorRecord: Decodable, Sendable {
  public let id: String
  public let name: String
  public let vcpus: Int
  /// In MiB.
  public let ram: Int
  /// In GiB; 0 is as much as the image needs.
  public let disk: Int
}
