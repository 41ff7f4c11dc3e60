public import Foundation
public import Names

/// Whom a lineage's certificates name.
public enum LineageKind: String, Codable, Sendable {
  /// A user of the VPN: the name is a user name.
  case user
  /// A cloudpipe: the name is its network's.
  case server
}

/// All certificates of one user of one project, from the first or from the last revocation on. Revoking the user revokes
/// the lineage; a reissue after that begins another.
public struct Lineage: Hashable, Codable, Sendable, Identifiable {
  public let id: Int64
  public let projectId: ProjectID
  public let kind: LineageKind
  public let name: String
  public let createdAt: Date
  /// Nil while it is live.
  public let revokedAt: Date?
}

extension Lineage: StateRecord {
  static let databaseTableName = "lineages"
}
