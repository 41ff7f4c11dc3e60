public import State

/// Something on this machine that no row of the state accounts for, or something that a row speaks of and that isn't there.
public struct Orphan: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case namespace, interface, table, process, folder, file
    /// The row is there and the thing isn't.
    case missing
  }

  public let kind: Kind
  /// Its name, id or path; for what is missing, in words for people.
  public let name: String
  /// The network that it is of, where that can be told.
  public let network: NetworkID?

  public init(_ kind: Kind, _ name: String, of network: NetworkID? = nil) {
    self.kind = kind
    self.name = name
    self.network = network
  }

  public var description: String {
    kind == .missing ? "\(network.map { "\($0): " } ?? "")\(name)" : "the \(kind.rawValue) \(name)"
  }

  /// What to do about it.
  public var remedy: String {
    switch kind {
    case .namespace: "ip netns delete \(name)"
    case .interface: "ip link delete \(name)"
    case .table: "nft delete table inet \(name)"
    case .process: "kill \(name)"
    case .folder: "rm -r \(name)"
    case .file: "rm \(name)"
    case .missing: network.map { "cpbuild restart \($0.project) --network \($0.name)" } ?? "cpbuild launch --all"
    }
  }
}
