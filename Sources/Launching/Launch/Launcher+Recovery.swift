import Foundation
import Host
import Names
import State

extension Launcher {
  /// Finishes or undoes what killed commands left half done; what other commands do at this moment is left to them.
  ///
  /// Costs one small read where nothing was left. A network that can't be settled is a warning: it is no reason for a
  /// command about another one to fail, or to wait for a cloud that is silent.
  ///
  /// - Parameters:
  ///   - limit: how long all of it may take; the journals of what isn't done by then stay open. Nil: as long as it takes.
  ///   - sleep: returns when that time is over.
  /// - Throws: `StateError`, `CancellationError`.
  public func recover(
    within limit: Duration? = nil,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) async throws {
    let ids = try await state.read { transaction in
      Set(
        try transaction.launches.allOpen().map { NetworkID(project: $0.projectId, name: $0.network) }
          + transaction.attachments.unsettled().map(\.id))
    }
    if ids.isEmpty { return }
    let left = try await withThrowingTaskGroup(of: NetworkID?.self) { group in
      // All at once, so that none waits behind one whose cloud is silent.
      for id in ids {
        group.addTask {
          try await recover(id)
          return id
        }
      }
      if let limit {
        group.addTask {
          try await sleep(limit)
          return nil
        }
      }
      var left = ids
      while !left.isEmpty, let next = try await group.next(), let done = next { left.remove(done) }
      group.cancelAll()
      // Some are done at that very moment.
      while let result = await group.nextResult() {
        if case .success(let done?) = result { left.remove(done) }
      }
      return left
    }
    try Task.checkCancellation()
    for id in left.sorted() {
      report(
        .warning(
          "what a killed command left of \(id) isn't cleared away after \((limit ?? .zero).components.seconds) s: the next "
            + "command goes on with it"))
    }
  }

  private func recover(_ id: NetworkID) async throws {
    do {
      guard let lock = try LaunchLock.take(id, in: state.home) else { return }
      try await settle(at: try await site(id, lock))
    } catch {
      // Then it says whatever comes of being cut short.
      try Task.checkCancellation()
      report(.warning("what a killed command left of \(id) can't be cleared away yet: \(error)"))
    }
  }

  /// Finishes or undoes what a killed command left of one network, whose lock is held.
  func settle(at site: LaunchSite) async throws {
    try await settleLaunch(at: site)
    try await settleMachines(at: site)
  }

  private func settleLaunch(at site: LaunchSite) async throws {
    guard let journal = try await LaunchJournal.left(at: site) else { return }
    if try await journal.isBeingUndone { return try await undo(journal) }
    if try await journal.isOfAnEarlierCloudpipe {
      let instance = try await instance(site.id)
      _ = try await bringUp(request(of: instance), at: site, isRestart: false, waits: false, isRecovery: true)
      return
    }
    // All is made, and whether it answers is seen whenever somebody asks.
    if try await journal.isDone(.publish) { return try await journal.end(.done) }
    try await undo(journal)
  }

  /// Undoes a launch, and forgets the project if it has nothing at all: no network and no CA.
  func undo(_ journal: LaunchJournal) async throws {
    try await journal.undo()
    let project = journal.site.id.project
    try await journal.site.onlyIfLast { _ in
      try await state.write { transaction in
        guard try transaction.projects.find(project) != nil, try transaction.authorities.all(of: project).isEmpty,
          try transaction.launches.allOpen().allSatisfy({ $0.projectId != project })
        else { return }
        try transaction.launches.forget(project)
        try transaction.projects.remove(project)
      }
    }
  }
}
