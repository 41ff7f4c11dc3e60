public import Foundation
public import Names
public import State

/// A user of a project, with all certificates that they ever had.
public struct ProjectUser: Sendable {
  public enum Status: String, Sendable {
    /// Some certificate is good.
    case valid
    /// The last one that wasn't revoked has ended.
    case expired
    /// All are revoked.
    case revoked
  }

  public let user: UserName
  public let status: Status
  /// When the last of those that aren't revoked ends, or ended; nil when all are.
  public let notAfter: Date?
  /// The one that lasts longest first.
  public let certificates: [UserCertificate]
  /// The user's connections right now; empty too where no cloudpipe can be asked.
  public let sessions: [VPNSession]
}

/// A project's users, and what couldn't be found out about them.
public struct ProjectUserList: Sendable {
  /// Ordered by name.
  public let users: [ProjectUser]
  /// The cloudpipes that run and couldn't be asked who is connected.
  public let silent: [(network: NetworkName, why: String)]
}

extension ProjectUsers {
  /// The project's users, and who of them is connected.
  ///
  /// - Throws: ``TrustKeeperError/noProject(_:)``, `StateError`, `CancellationError`.
  public func list(of project: ProjectID) async throws -> ProjectUserList {
    let moment = keeper.now
    let (certificates, networks) = try await keeper.state.read { state in
      guard try state.projects.find(project) != nil else { throw TrustKeeperError.noProject(project) }
      return (try state.certificates.ofUsers(in: project), try state.networks.all(of: project).map(\.id))
    }
    var sessions: [VPNSession] = []
    var silent: [(network: NetworkName, why: String)] = []
    for network in networks {
      do { sessions += try await instances?.sessions(of: network) ?? [] } catch {
        try Task.checkCancellation()
        silent.append((network.name, "\(error)"))
      }
    }
    let connected = Dictionary(grouping: sessions, by: \.user)
    let users = Dictionary(grouping: certificates, by: \.user).sorted { $0.key < $1.key }.map { user, certificates in
      let good = certificates.first { $0.revokedAt == nil }
      return ProjectUser(
        user: user, status: good.map { $0.notAfter > moment ? .valid : .expired } ?? .revoked,
        notAfter: good?.notAfter, certificates: certificates, sessions: connected[user.text] ?? [])
    }
    return ProjectUserList(users: users, silent: silent)
  }
}
