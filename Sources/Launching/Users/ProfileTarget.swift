public import Names
public import State
public import Trust

/// Where a profile leads: which network's cloudpipe, and how to get there.
public struct ProfileTarget: Sendable {
  public let network: NetworkID
  public let mode: VPNMode
  public let remotes: [Remote]

  /// What was said about it; whatever wasn't is taken from the state.
  public struct Wish: Sendable {
    public var network: NetworkName?
    public var mode: VPNMode?
    public var remotes: [Remote]

    public init(network: NetworkName? = nil, mode: VPNMode? = nil, remotes: [Remote] = []) {
      self.network = network
      self.mode = mode
      self.remotes = remotes
    }
  }
}

extension Transaction {
  /// The cloudpipe that a profile of the project is for.
  ///
  /// A project with networks here has the named one, else its standard one, else its only one. A project without any is
  /// served elsewhere: then remotes are needed, and it is routed unless told otherwise, as every client can do that.
  ///
  /// - Throws: ``UserError``, ``LaunchError``, `StateError`.
  func target(of project: ProjectID, _ wish: ProfileTarget.Wish) throws -> ProfileTarget {
    let known = try networks.all(of: project)
    guard !known.isEmpty else {
      guard !wish.remotes.isEmpty else { throw UserError.noWay(project) }
      return ProfileTarget(
        network: NetworkID(project: project, name: wish.network ?? .standard), mode: wish.mode ?? .routed,
        remotes: wish.remotes)
    }
    let network = try networks.get(known.map(\.id).chosen(wish.network, of: project))
    guard wish.mode == nil || wish.mode == network.mode else { throw UserError.otherMode(network.id, network.mode) }
    if !wish.remotes.isEmpty {
      return ProfileTarget(network: network.id, mode: network.mode, remotes: wish.remotes)
    }
    guard let port = try publicPorts.find(network.id) else { throw UserError.notPublic(network.id) }
    return ProfileTarget(
      network: network.id, mode: network.mode,
      remotes: [try Remote(host: port.address.text, port: port.port.rawValue)])
  }
}
