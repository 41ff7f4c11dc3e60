public import Foundation
import GRDB
public import Host

/// A built image.
public struct Image: Hashable, Codable, Sendable {
  /// `ami-` and 17 hex digits.
  public let id: String
  /// The absolute path of its folder.
  public let path: String
  /// The recipe's name.
  public let recipe: String
  /// Of the disk.
  public let sha256: Digest
  /// In bytes.
  public let virtualSize: Int64
  public let createdAt: Date

  public init(id: String, path: String, recipe: String, sha256: Digest, virtualSize: Int64, createdAt: Date) {
    self.id = id
    self.path = path
    self.recipe = recipe
    self.sha256 = sha256
    self.virtualSize = virtualSize
    self.createdAt = createdAt
  }
}

extension Image: StateRecord {
  static let databaseTableName = "images"
}

/// The registered images.
public struct Images {
  let db: Database

  /// Registers an image, or says anew where one of that id is.
  ///
  /// - Throws: ``StateError/alreadyExists(kind:id:)`` when another image has that path,
  ///   ``StateError/invalid(kind:id:why:)`` for an id that isn't one.
  public func register(_ image: Image) throws {
    try changing("image", image.id) { try image.save(db) }
  }

  public func find(_ id: String) throws -> Image? { try Image.fetchOne(db, key: id) }

  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func get(_ id: String) throws -> Image { try find(id).orNotFound("image", id) }

  /// Newest first.
  public func all() throws -> [Image] {
    try Image.fetchAll(db, sql: "SELECT * FROM images ORDER BY created_at DESC, id")
  }

  /// The newest image of the recipe; nil where there is none.
  public func newest(of recipe: String) throws -> Image? {
    try Image.fetchOne(
      db, sql: "SELECT * FROM images WHERE recipe = ? ORDER BY created_at DESC, id LIMIT 1", arguments: [recipe])
  }

  /// - Throws: ``StateError/inUse(kind:id:why:)`` while an instance runs it, ``StateError/notFound(kind:id:)``.
  public func remove(_ id: String) throws {
    _ = try get(id)
    try changing("image", id) { try db.execute(sql: "DELETE FROM images WHERE id = ?", arguments: [id]) }
  }
}
