public import Names

/// What the state has and a backup hasn't, and a restore of it would therefore lose or undo.
public struct RestoreLoss: Equatable, Sendable, CustomStringConvertible {
  /// Projects that came after the backup.
  public var projects: [ProjectID] = []
  /// Networks that came after the backup, with their addresses and ports.
  public var networks = 0
  /// Root and project CAs that were made since. What they issued could no longer be revoked or renewed. Those that go on,
  /// for the backup's own are retired, aren't among what was lost in the end.
  public var authorities = 0
  /// Instances that came after the backup; they would go on running with nobody knowing of them.
  public var instances = 0
  /// Certificates that were issued since. They stay valid and could no longer be revoked by user.
  public var certificates = 0
  /// Serial numbers that were revoked since. A restore keeps them revoked, whether it is forced or not.
  public var revocations = 0
  /// Authorities that have issued CRLs since. A restore keeps their numbers rising, whether it is forced or not.
  public var crlNumbers = 0

  public init() {}

  public var isEmpty: Bool { self == RestoreLoss() }

  public var description: String {
    func some(_ count: Int, _ one: String, _ many: String) -> String? {
      count == 0 ? nil : "\(count) \(count == 1 ? one : many)"
    }
    return [
      projects.isEmpty
        ? nil
        : "\(projects.count) \(projects.count == 1 ? "project" : "projects") (\(projects.prefix(5).map(\.text).joined(separator: ", "))\(projects.count > 5 ? ", …" : ""))",
      some(networks, "network", "networks"),
      some(authorities, "certificate authority", "certificate authorities"),
      some(instances, "instance", "instances"),
      some(certificates, "certificate", "certificates"),
      some(revocations, "revocation", "revocations"),
      some(crlNumbers, "authority's CRL number", "authorities' CRL numbers"),
    ].compactMap(\.self).joined(separator: ", ")
  }
}

/// What a restore did.
public struct RestoreReport: Equatable, Sendable {
  /// What was lost; empty unless the restore was forced.
  public let loss: RestoreLoss
  /// Key files that rows refer to and neither the backup nor this machine has.
  public let missingKeys: [KeyFile]
  /// The projects that have no CA that issues now; nil is the root.
  public let withoutAuthority: [ProjectID?]
}
