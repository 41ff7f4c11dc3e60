public import Foundation
import GRDB
public import Names

/// How a launch ended.
public enum LaunchOutcome: String, Codable, Sendable {
  case done, undone, failed
}

/// A launch of a network's cloudpipe: the head of its journal.
public struct Launch: Hashable, Codable, Sendable, Identifiable {
  public let id: Int64
  public let projectId: ProjectID
  public let network: NetworkName
  public let startedAt: Date
  /// Nil while it is under way, or after its process was killed.
  public let endedAt: Date?
  public let outcome: LaunchOutcome?
}

extension Launch: StateRecord {
  static let databaseTableName = "launches"
}

/// Where a step of a launch stands.
public enum LaunchStepState: String, Codable, Sendable {
  /// Written before the step does anything, so that a kill leaves a trace of what may have been made.
  case started
  case done, undoing, undone, failed
}

/// What the journal says of one step.
public struct LaunchStep: Hashable, Codable, Sendable {
  public let launchId: Int64
  /// Steps are undone from the highest position to the lowest.
  public let position: Int
  public let name: String
  public let state: LaunchStepState
  /// What the step made, in the step's own words; never a secret.
  public let made: [String: String]
  public let updatedAt: Date
}

extension LaunchStep: StateRecord {
  static let databaseTableName = "launch_steps"
}

/// The journal of launches: at most one open one a network.
public struct Launches {
  let db: Database

  /// Opens the journal of a launch.
  ///
  /// - Throws: ``StateError/alreadyExists(kind:id:)`` while another one is open: resume or undo that first.
  public func begin(_ id: NetworkID, at date: Date) throws -> Launch {
    try changing("open launch of", "\(id)") {
      try Launch.fetchOne(
        db, sql: "INSERT INTO launches (project_id, network, started_at) VALUES (?, ?, ?) RETURNING *",
        arguments: [id.project.text, id.name.text, date.wholeSeconds]
      ).orNotFound("launch of", "\(id)")
    }
  }

  /// The launch of the network that hasn't ended; nil where there is none.
  public func open(_ id: NetworkID) throws -> Launch? {
    try Launch.fetchOne(
      db, sql: "SELECT * FROM launches WHERE project_id = ? AND network = ? AND ended_at IS NULL",
      arguments: [id.project.text, id.name.text])
  }

  /// All launches that haven't ended, oldest first.
  public func allOpen() throws -> [Launch] {
    try Launch.fetchAll(db, sql: "SELECT * FROM launches WHERE ended_at IS NULL ORDER BY id")
  }

  /// Writes down where a step stands; what it made is kept when nothing new is given.
  ///
  /// - Throws: ``StateError/invalid(kind:id:why:)``, ``StateError/inUse(kind:id:why:)`` when there is no such launch.
  public func record(
    _ launch: Int64, position: Int, name: String, state: LaunchStepState, made: [String: String]? = nil, at date: Date
  ) throws {
    let kept = try made ?? steps(of: launch).first { $0.position == position }?.made ?? [:]
    let step = LaunchStep(
      launchId: launch, position: position, name: name, state: state, made: kept, updatedAt: date)
    try changing("launch step", "\(launch)/\(name)") { try step.save(db) }
  }

  /// The steps of a launch in their order.
  public func steps(of launch: Int64) throws -> [LaunchStep] {
    try LaunchStep.fetchAll(
      db, sql: "SELECT * FROM launch_steps WHERE launch_id = ? ORDER BY position", arguments: [launch])
  }

  /// Closes the journal; one that is closed already stays as it is.
  public func end(_ launch: Int64, _ outcome: LaunchOutcome, at date: Date) throws {
    try db.execute(
      sql: "UPDATE launches SET ended_at = ?, outcome = ? WHERE id = ? AND ended_at IS NULL",
      arguments: [date.wholeSeconds, outcome.rawValue, launch])
  }

  /// Forgets the project's launches that have ended, with their steps.
  public func forget(_ project: ProjectID) throws {
    try db.execute(
      sql: "DELETE FROM launches WHERE project_id = ? AND ended_at IS NOT NULL", arguments: [project.text])
  }

  /// Forgets launches that ended before `date`, with their steps.
  public func prune(endedBefore date: Date) throws {
    try db.execute(sql: "DELETE FROM launches WHERE ended_at < ?", arguments: [date.wholeSeconds])
  }
}
