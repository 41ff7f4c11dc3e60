public import Names
public import State

/// Why a user can't be given a profile, beside what `TrustKeeperError` says.
public enum UserError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Nothing is known of where the project's cloudpipe answers.
  case noWay(ProjectID)
  /// The network's cloudpipe has no public address and port.
  case notPublic(NetworkID)
  /// A mode was asked for that the network doesn't have.
  case otherMode(NetworkID, VPNMode)
  /// What was handed in as a signing request can't be one.
  case notARequest(path: String, why: String)

  public var description: String {
    switch self {
    case .noWay(let project):
      "nothing is known of where the cloudpipe of \(project) answers: launch it with 'cpbuild launch \(project)', or say "
        + "where it is with --remote HOST:PORT"
    case .notPublic(let network):
      "the cloudpipe of \(network) has no public address and port yet: launch it with 'cpbuild launch "
        + "\(network.project)', or say where it is with --remote HOST:PORT"
    case .otherMode(let network, let mode): "the network \(network) is \(mode.rawValue): leave --mode out"
    case .notARequest(let path, let why): "\(path) is no certificate signing request: \(why)"
    }
  }
}
