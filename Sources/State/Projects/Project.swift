public import Foundation
public import Names

/// A tenant: the owner of networks, one CA and a VPN.
public struct Project: Hashable, Codable, Sendable {
  public let id: ProjectID
  /// In whole seconds.
  public let createdAt: Date

  public init(id: ProjectID, createdAt: Date) {
    self.id = id
    self.createdAt = createdAt
  }
}

extension Project: StateRecord {
  static let databaseTableName = "projects"
}
