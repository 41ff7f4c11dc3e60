import Clouds
import Names
import State

/// Lets the world's VPN packets and pings in, and nothing else.
struct SecurityGroupStep: ReversibleStep {
  static let name = StepName.securityGroup

  func make(at site: LaunchSite) async throws -> SecurityGroup {
    let group = Self.group(of: site.id.project)
    try await site.cloud.makeSecurityGroup(group)
    return group
  }

  func note(of product: SecurityGroup) -> [String: String] { ["name": product.name] }

  /// As nova's cloudpipe had it.
  static func group(of project: ProjectID) -> SecurityGroup {
    let anywhere = IPv4Network(containing: IPv4Address(bits: 0), prefixLength: 0)
    let rules = anywhere.map { source in
      [SecurityGroup.Rule(.udp, ports: 1194...1194, from: source), SecurityGroup.Rule(.icmp, from: source)]
    }
    return SecurityGroup(name: LaunchedNames.shared(of: project), rules: rules ?? [])
  }

  static func undo(at site: LaunchSite) async throws {
    try await site.onlyIfLast { try await site.cloud.removeSecurityGroup(named: LaunchedNames.shared(of: $0)) }
  }
}

extension LaunchSite {
  /// Runs `body` with the project if it has no network any more, for what its networks share. None can come meanwhile.
  func onlyIfLast(_ body: (ProjectID) async throws -> Void) async throws {
    try await lock.aloneInProject {
      guard try await state.read({ try $0.networks.all(of: id.project).isEmpty }) else { return }
      try await body(id.project)
    }
  }
}
