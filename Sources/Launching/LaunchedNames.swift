public import Names
public import State

/// What the things of a launch are called; the names are the original cloudpipe's where it had them.
public enum LaunchedNames {
  /// Of the key pair and of the security group.
  public static func shared(of project: ProjectID) -> String { "\(project)-vpn" }

  /// Of the instance: `acme-vpn`, and `acme-NETWORK-vpn` on a network other than the standard one. Also the common name
  /// of its certificate, which users' profiles insist on.
  public static func instance(of network: NetworkID) -> String {
    network.name == .standard ? "\(network.project)-vpn" : "\(network.project)-\(network.name)-vpn"
  }
}
