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
}
