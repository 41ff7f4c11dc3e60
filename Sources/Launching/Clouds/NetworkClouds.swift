public import Clouds
import Names
public import State

/// Each network's own cloud: what is asked about a network goes to the cloud where it has its cloudpipe, or where a launch
/// of it that was killed was to have it.
///
/// All networks of a project are in one cloud, so that what they share is in one.
public struct NetworkClouds: Sendable {
  let state: StateStore
  /// Where new projects go.
  let standard: any Cloud
  /// An operator named it, so that a project elsewhere is a mistake to be told of.
  let isChosen: Bool
  let named: @Sendable (String) async throws -> any Cloud

  public init(
    state: StateStore, standard: any Cloud, isChosen: Bool = false,
    named: @escaping @Sendable (String) async throws -> any Cloud
  ) {
    self.state = state
    self.standard = standard
    self.isChosen = isChosen
    self.named = named
  }

  /// One cloud for all.
  public init(_ cloud: any Cloud, state: StateStore) {
    self.init(state: state, standard: cloud) { _ in cloud }
  }

  /// - Throws: ``LaunchError/different(_:what:is:asked:)`` when the project is in another cloud than was asked for, and
  ///   ``LaunchError/awaited(_:cloud:)`` when it was;
  ///   `StateError`; what opening the cloud throws.
  public func cloud(of id: NetworkID) async throws -> any Cloud {
    guard let name = try await state.read({ try $0.cloudName(of: id) }), name != standard.name else { return standard }
    guard isChosen else { return try await named(name) }
    // Nothing is there any more, as far as anybody knows.
    let isAwaited = try await state.read { transaction in
      try transaction.launches.open(id).map { try LaunchJournal.isUndone(transaction.launches.steps(of: $0.id)) }
    }
    if isAwaited ?? false { throw LaunchError.awaited(id, cloud: name) }
    throw LaunchError.different(id, what: "cloud", is: name, asked: standard.name)
  }
}

extension Transaction {
  /// In an instance's handle and in a launch's first step: what its cloud is called.
  static var cloudKey: String { "cloud" }

  /// The cloud that the network is in, or is to be in; nil where nothing says.
  func cloudName(of id: NetworkID) throws -> String? {
    if let launch = try launches.open(id), let name = try cloudName(of: launch) { return name }
    if let instance = try instances.find(id) { return instance.cloudName }
    for launch in try launches.allOpen() where launch.projectId == id.project {
      if let name = try cloudName(of: launch) { return name }
    }
    return try instances.all(of: id.project).first?.cloudName
  }

  private func cloudName(of launch: Launch) throws -> String? {
    try launches.steps(of: launch.id).lazy.compactMap { $0.made[Self.cloudKey] }.first
  }
}

extension Instance {
  /// What its cloud is called.
  public var cloudName: String { cloud == .local ? cloud.rawValue : handle[Transaction.cloudKey] ?? cloud.rawValue }
}
