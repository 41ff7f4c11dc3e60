public import Names

/// The steps in which a project's CA is replaced. Between them the old and the new one are both trusted.
public enum RolloverStep: String, CaseIterable, Codable, Sendable, CustomStringConvertible {
  /// The new CA is made, and trusted from then on.
  case announce
  /// The new CA issues from then on, and the old one is still trusted.
  case `switch`
  /// Only the new CA is trusted from then on.
  case settle

  public var description: String { rawValue }

  /// What has to happen before it, for those that would be locked out.
  func remedy(_ project: ProjectID) -> String {
    switch self {
    case .announce: "it locks out nobody"
    case .switch: "hand them new profiles with 'cpbuild user add \(project) USER --renew', which trust both CAs"
    case .settle:
      "'cpbuild restart \(project)' gives the cloudpipe a new certificate, 'cpbuild user add \(project) USER --renew' "
        + "a user; or revoke who doesn't need one"
    }
  }

  /// What has to happen after it before the next.
  ///
  /// - Parameter project: nil where it was the root's.
  public func advice(_ project: ProjectID?) -> String {
    guard let project else { return adviceForRoot }
    return switch self {
    case .announce:
      "the new CA is trusted and doesn't issue yet: run 'cpbuild restart \(project)', hand each user a new profile "
        + "('cpbuild user add \(project) USER --renew'), then 'cpbuild ca renew \(project) --step switch'"
    case .switch:
      "the new CA issues and the old one is still trusted: run 'cpbuild restart \(project)', hand each user a new "
        + "profile ('cpbuild user add \(project) USER --renew'), then 'cpbuild ca renew \(project) --step settle'"
    case .settle: "the old CA isn't trusted any more; 'cpbuild restart \(project)' tells the cloudpipe"
    }
  }

  private var adviceForRoot: String {
    switch self {
    case .announce:
      "the new root is trusted and doesn't sign yet: hand 'cpbuild ca export' to all who check chains by the root, then "
        + "'cpbuild ca renew --step switch'; cloudpipes and users don't notice"
    case .switch:
      "the new root has signed the projects' CAs and the old one is still trusted: hand 'cpbuild ca export' to all who check "
        + "chains by the root and don't know the new one yet, then 'cpbuild ca renew --step settle'"
    case .settle: "the old root isn't trusted any more"
    }
  }
}
