import Foundation
import Host
public import Names
public import State

/// What the things of a launch are called; the names are the original cloudpipe's where it had them.
public enum LaunchedNames {
  /// Of the key pair and of the security group.
  public static func shared(of project: ProjectID) -> String { "\(project)-vpn" }

  /// Of the instance: `acme-vpn`, and `acme-NETWORK-vpn` on a network other than the standard one. Also the common name
  /// of its certificate, which users' profiles insist on.
  ///
  /// At most 63 characters, which a host name's label and a common name take; a longer one is cut, and told from others
  /// that begin alike by digits of its SHA-256.
  public static func instance(of network: NetworkID) -> String {
    let name = network.name == .standard ? "\(network.project)" : "\(network.project)-\(network.name)"
    guard name.utf8.count > longest - 4 else { return "\(name)-vpn" }
    return "\(name.prefix(longest - 21))-\(Digest.sha256(Data(name.utf8)).hex.prefix(16))-vpn"
  }

  private static let longest = 63
}
