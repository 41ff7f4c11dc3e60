import Clouds
import Foundation
import Host
import State

/// The journal of one launch: each step is written down before it does anything, and again when it is done, so that a
/// kill at any moment leaves a trace of what may have been made.
struct LaunchJournal: Sendable {
  /// In a step's notes: it was there before the launch, so that it stays when the launch is undone.
  private static let found = "found"

  let launch: Launch
  let site: LaunchSite
  /// By a process that ended, which may have asked for something that isn't made yet.
  var wasLeft = false

  /// Opens a journal, or takes up the one that a killed launch of the network left.
  static func open(at site: LaunchSite) async throws -> LaunchJournal {
    let (launch, wasLeft) = try await site.state.write { transaction in
      let wasLeft = try transaction.launches.open(site.id) != nil
      return (try begin(at: site, transaction), wasLeft)
    }
    return LaunchJournal(launch: launch, site: site, wasLeft: wasLeft)
  }

  /// The same as a part of a transaction, so that what the transaction changes is carried out even after a kill.
  static func begin(at site: LaunchSite, _ transaction: Transaction) throws -> Launch {
    let date = site.now()
    if let launch = try transaction.launches.open(site.id) {
      guard try isUndone(transaction.launches.steps(of: launch.id)) else { return launch }
      // What comes late is this one's from now on.
      try transaction.launches.end(launch.id, .undone, at: date)
    }
    try transaction.projects.ensure(site.id.project, at: date)
    let launch = try transaction.launches.begin(site.id, at: date)
    let first = StepName.image
    try transaction.launches.record(
      launch.id, position: first.position, name: first.rawValue, state: .started,
      made: [Transaction.cloudKey: site.cloud.name], at: date)
    if try transaction.instances.find(site.id) != nil {
      let boot = StepName.boot
      try transaction.launches.record(
        launch.id, position: boot.position, name: boot.rawValue, state: .started, made: [found: "yes"], at: date)
    }
    return launch
  }

  /// The journal that a killed launch of the network left; nil where there is none.
  static func left(at site: LaunchSite) async throws -> LaunchJournal? {
    try await site.state.read { try $0.launches.open(site.id) }.map {
      LaunchJournal(launch: $0, site: site, wasLeft: true)
    }
  }

  var steps: [LaunchStep] {
    get async throws { try await site.state.read { try $0.launches.steps(of: launch.id) } }
  }

  /// Makes a step, or finds it made.
  ///
  /// - Throws: ``LaunchError/step(_:of:reason:console:)`` with what went wrong, `CancellationError`.
  func make<Step: ReversibleStep>(_ step: Step) async throws -> Step.Product {
    let name = Step.name
    try Task.checkCancellation()
    let begin = ContinuousClock.now
    site.report(.stageStarted(name: name.rawValue, detail: step.detail))
    do {
      let before = try await steps.first { $0.position == name.position }
      let isOurs = before.map { $0.made[Self.found] == nil } ?? false
      let mark = before?.made.filter { [Self.found, Transaction.cloudKey].contains($0.key) } ?? [:]
      if !isOurs, let product = try await step.existing(at: site) {
        try await record(name, .done, made: step.note(of: product).merging([Self.found: "yes"]) { $1 })
        finished(name, since: begin, cached: true)
        return product
      }
      if before == nil { try await record(name, .started, made: [:]) }
      let product = try await step.make(at: site)
      try await record(name, .done, made: step.note(of: product).merging(mark) { $1 })
      finished(name, since: begin, cached: false)
      return product
    } catch let error as CancellationError {
      throw error
    } catch {
      throw LaunchError.step(name.rawValue, of: site.id, reason: "\(error)", console: nil, cause: error)
    }
  }

  /// Undoes what the launch made, the last first, and closes the journal; not before nothing can be made late any more, so
  /// that the next command looks once more.
  ///
  /// - Throws: what the first step that can't be undone throws; the journal stays open then.
  func undo() async throws {
    let steps = try await steps.sorted { $0.position > $1.position }
    let isAgain = Self.isUndone(steps)
    // The last thing may have been asked for just now. Once all is undone, its notes tell since when nothing was.
    let lastAt = isAgain ? steps.map(\.updatedAt).max() ?? launch.startedAt : site.now()
    var site = site
    site.awaitsMore =
      (wasLeft || site.cloud.hasUnheard) && site.now() < lastAt.addingTimeInterval(site.cloud.lateness)
    for step in steps where step.made[Self.found] == nil && (isAgain || step.state != .undone) {
      guard let name = StepName(rawValue: step.name) else { continue }
      if !isAgain { try await record(name, .undoing) }
      try await name.type.undo(at: site)
      if !isAgain { try await record(name, .undone) }
    }
    if !site.awaitsMore { try await end(.undone) }
  }

  /// Whether all that a launch made is undone.
  static func isUndone(_ steps: [LaunchStep]) -> Bool {
    steps.contains { $0.state == .undone } && steps.allSatisfy { $0.state == .undone || $0.made[found] != nil }
  }

  /// Notes that everything of the network is to go, whoever made it; ``undo()`` then does it, or the next command.
  static func condemn(at site: LaunchSite) async throws -> LaunchJournal {
    let (launch, wasLeft) = try await site.state.write { transaction in
      let date = site.now()
      let wasLeft = try transaction.launches.open(site.id) != nil
      let launch = try begin(at: site, transaction)
      for name in StepName.allCases {
        try transaction.launches.record(
          launch.id, position: name.position, name: name.rawValue, state: .undoing,
          made: name == .image ? [Transaction.cloudKey: site.cloud.name] : [:], at: date)
      }
      return (launch, wasLeft)
    }
    return LaunchJournal(launch: launch, site: site, wasLeft: wasLeft)
  }

  /// Whether undoing has begun, after which there is no way but to undo the rest.
  var isBeingUndone: Bool {
    get async throws { try await steps.contains { $0.state == .undoing || $0.state == .undone } }
  }

  /// Whether the network had a cloudpipe before the launch began: it is to be brought back, not undone.
  var isOfAnEarlierCloudpipe: Bool {
    get async throws {
      try await steps.contains { $0.name == StepName.boot.rawValue && $0.made[Self.found] != nil }
    }
  }

  /// Whether the step was made.
  func isDone(_ name: StepName) async throws -> Bool {
    try await steps.contains { $0.name == name.rawValue && $0.state == .done }
  }

  func end(_ outcome: LaunchOutcome) async throws {
    try await site.state.write { try $0.launches.end(launch.id, outcome, at: site.now()) }
  }

  private func record(_ name: StepName, _ state: LaunchStepState, made: [String: String]? = nil) async throws {
    try await site.state.write { transaction in
      try transaction.launches.record(
        launch.id, position: name.position, name: name.rawValue, state: state, made: made, at: site.now())
    }
  }

  private func finished(_ name: StepName, since begin: ContinuousClock.Instant, cached: Bool) {
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    site.report(.stageFinished(name: name.rawValue, seconds: seconds, cached: cached))
  }
}
