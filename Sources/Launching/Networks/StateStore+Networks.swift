public import Names
public import State

extension StateStore {
  /// The network of the project that is named, else all of them, ordered by name.
  ///
  /// - Throws: ``LaunchError/noProject(_:)``, ``LaunchError/notLaunched(_:)``, `StateError`.
  public func networks(of project: ProjectID, named name: NetworkName? = nil) async throws -> [NetworkID] {
    try await read { transaction in
      guard try transaction.projects.find(project) != nil else { throw LaunchError.noProject(project) }
      let all = try transaction.networks.all(of: project).map(\.id)
      guard let name else { return all }
      let id = NetworkID(project: project, name: name)
      guard all.contains(id) else { throw LaunchError.notLaunched(id) }
      return [id]
    }
  }

  /// The network of the project that is named, else its standard one, else its only one.
  ///
  /// - Throws: what ``networks(of:named:)`` throws, ``LaunchError/severalNetworks(_:_:)``.
  public func network(of project: ProjectID, named name: NetworkName? = nil) async throws -> NetworkID {
    try await networks(of: project).chosen(name, of: project)
  }
}

extension [NetworkID] {
  /// The one of that name, else the standard one, else the only one.
  ///
  /// - Throws: ``LaunchError/notLaunched(_:)``, ``LaunchError/severalNetworks(_:_:)``.
  func chosen(_ name: NetworkName?, of project: ProjectID) throws -> NetworkID {
    if let one = first(where: { $0.name == name ?? .standard }) { return one }
    guard name == nil, let first else {
      throw LaunchError.notLaunched(NetworkID(project: project, name: name ?? .standard))
    }
    guard count == 1 else { throw LaunchError.severalNetworks(project, map(\.name)) }
    return first
  }
}
