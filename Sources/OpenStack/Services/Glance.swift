import Foundation
public import SystemPackage

/// The image service (Image API v2).
public struct Glance: Sendable {
  public let session: Session

  public init(session: Session) { self.session = session }

  /// The images with the tag.
  public func images(tagged tag: String) async throws -> [ImageRecord] {
    var request = APIRequest(.get, "/v2/images", doing: "list the images")
    request.query = [("tag", tag), ("limit", "100")]
    return try await session.list("images", request, of: .image)
  }

  public func image(_ id: String) async throws -> ImageRecord? {
    try await ifThere {
      try await session.send(
        APIRequest(.get, "/v2/images/\(APIRequest.escaped(id))", doing: "look at the image \(id)"), to: .image
      ).decode()
    }
  }

  /// Makes an image that has no data yet.
  public func make(_ request: ImageRequest) async throws -> ImageRecord {
    let call = try APIRequest(.post, "/v2/images", doing: "make the image \(request.name)", json: request)
    return try await session.send(call, to: .image).decode()
  }

  /// Sends an image's data; once, since one that stopped in the middle is for a new image to begin anew.
  ///
  /// - Parameter progress: told how many bytes are on their way.
  public func upload(
    _ file: FilePath, size: UInt64, to id: String, progress: @escaping @Sendable (UInt64) -> Void
  ) async throws {
    var request = APIRequest(.put, "/v2/images/\(APIRequest.escaped(id))/file", doing: "upload the image \(id)")
    request.body = .file(file, size: size, progress: progress)
    request.headers.append(("Content-Type", "application/octet-stream"))
    request.isRepeatable = false
    // When all is sent, Glance may still be writing it down.
    request.patience = .seconds(120 + Int(clamping: size >> 24))
    _ = try await session.send(request, to: .image)
  }

  public func remove(_ id: String) async throws {
    try await session.remove(
      APIRequest(.delete, "/v2/images/\(APIRequest.escaped(id))", doing: "remove the image \(id)"), from: .image)
  }
}

public struct ImageRecord: Decodable, Sendable {
  public let id: String
  public let name: String?
  /// `active` once its data is whole.
  public let status: String
  /// The project that it belongs to.
  public let owner: String?
  public let visibility: String?
  public let size: UInt64?
  public let virtualSize: UInt64?
  public let tags: [String]
  public let osHashAlgo: String?
  public let osHashValue: String?
  public let createdAt: String?
  public let minDisk: Int?
  public let minRam: Int?
  public let cpbuildImage: String?
  public let cpbuildRecipe: String?
  public let cpbuildSha256: String?
  public let cpbuildVirtualSize: String?
  public let cpbuildPublisher: String?
}

/// An image to make; what it has beside what Glance itself knows is a property (`properties`).
public struct ImageRequest: Encodable, Sendable {
  public var id: String
  public var name: String
  public var minDisk: Int
  public var minRam: Int
  public var tags: [String]
  public var properties: [String: String]

  public init(
    id: String, name: String, minDisk: Int, minRam: Int, tags: [String], properties: [String: String]
  ) {
    self.id = id
    self.name = name
    self.minDisk = minDisk
    self.minRam = minRam
    self.tags = tags
    self.properties = properties
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for (name, value) in properties { try container.encode(value, forKey: Key(name)) }
    try container.encode(id, forKey: Key("id"))
    try container.encode(name, forKey: Key("name"))
    try container.encode("qcow2", forKey: Key("disk_format"))
    try container.encode("bare", forKey: Key("container_format"))
    try container.encode("private", forKey: Key("visibility"))
    try container.encode(minDisk, forKey: Key("min_disk"))
    try container.encode(minRam, forKey: Key("min_ram"))
    try container.encode(tags, forKey: Key("tags"))
  }
}
