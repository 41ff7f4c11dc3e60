import Foundation
public import State

extension Launcher {
  /// What became of one cloudpipe among many.
  public struct Outcome: Sendable {
    public let id: NetworkID
    public let result: Result<Launched, any Error>
  }

  /// How many cloudpipes boot at the same time.
  private static let atOnce = 4

  /// Launches several cloudpipes, one after the other. One that fails doesn't keep others from being launched.
  ///
  /// - Returns: what became of each, in the order of the requests.
  /// - Throws: `CancellationError`.
  public func launch(_ requests: [LaunchRequest], waits: Bool = true) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for request in requests {
      outcomes.append(try await outcome(of: request.id) { try await launch(request, waits: waits) })
    }
    return outcomes
  }

  /// Brings back every cloudpipe that was launched and doesn't run, as after a restart of the machine. One that fails
  /// doesn't keep others from being brought back.
  ///
  /// - Parameter waits: until each VPN answers.
  /// - Returns: what became of each, in the order of projects and networks.
  /// - Throws: `StateError`, `CancellationError`.
  public func launchAll(waits: Bool = true) async throws -> [Outcome] {
    let instances = try await state.read { try $0.instances.all() }
    return try await each(instances) { try await launch(request(of: $0), waits: waits) }
  }

  /// Boots cloudpipes anew, each as ``restart(_:waits:warm:)`` does.
  ///
  /// - Throws: ``LaunchError/notLaunched(_:)`` before anything is done; `StateError`, `CancellationError`.
  public func restart(_ ids: [NetworkID], waits: Bool = true, warm: Bool? = nil) async throws -> [Outcome] {
    var instances: [Instance] = []
    for id in ids { instances.append(try await instance(id)) }
    return try await each(instances) { try await restart($0.id, waits: waits, warm: warm) }
  }

  private func each(
    _ instances: [Instance], _ body: @escaping @Sendable (Instance) async throws -> Launched
  ) async throws -> [Outcome] {
    try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
      var outcomes = [Outcome?](repeating: nil, count: instances.count)
      for (index, instance) in instances.enumerated() {
        if index >= Self.atOnce, let (done, outcome) = try await group.next() { outcomes[done] = outcome }
        group.addTask { (index, try await outcome(of: instance.id) { try await body(instance) }) }
      }
      while let (done, outcome) = try await group.next() { outcomes[done] = outcome }
      return outcomes.compactMap(\.self)
    }
  }

  private func outcome(of id: NetworkID, _ body: () async throws -> Launched) async throws -> Outcome {
    do { return Outcome(id: id, result: .success(try await body())) } catch {
      try Task.checkCancellation()
      return Outcome(id: id, result: .failure(error))
    }
  }
}
