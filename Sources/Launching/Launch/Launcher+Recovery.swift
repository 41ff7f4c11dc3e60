import Foundation
import Host
import Names
import State

extension Launcher {
  /// Finishes or undoes what killed commands left half done; what other commands do at this moment is left to them.
  ///
  /// Costs one small read where nothing was left. A network that can't be settled is a warning: it is no reason for a
  /// command about another one to fail.
  ///
  /// - Throws: `StateError`, `CancellationError`.
  public func recover() async throws {
    let ids = try await state.read { transaction in
      try transaction.launches.allOpen().map { NetworkID(project: $0.projectId, name: $0.network) }
        + transaction.attachments.unsettled().map(\.id)
    }
    for id in Set(ids).sorted() {
      do {
        guard let lock = try LaunchLock.take(id, in: state.home) else { continue }
        try await settle(at: try await site(id, lock))
      } catch let error as CancellationError {
        throw error
      } catch {
        report(.warning("what a killed command left of \(id) can't be cleared away yet: \(error)"))
      }
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
      _ = try await bringUp(request(of: instance), at: site, isRestart: false, waits: false)
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
