import GRDB
import SystemPackage

/// Runs `body` with GRDB's errors turned into ours. The SQL and its arguments stay out of the message.
func translated<Result>(_ path: FilePath, _ body: () throws -> Result) throws -> Result {
  do { return try body() } catch let error as DatabaseError { throw StateError(error, path: path) }
}

func translated<Result>(_ path: FilePath, _ body: () async throws -> Result) async throws -> Result {
  do { return try await body() } catch let error as DatabaseError { throw StateError(error, path: path) }
}

extension StateError {
  init(_ error: DatabaseError, path: FilePath) {
    let message = error.message ?? "error \(error.resultCode.rawValue)"
    switch error.resultCode {
    // The index of the log is the first thing that a full disk has no room for.
    case _ where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE: self = .full(path: path)
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path: path)
    case .SQLITE_FULL: self = .full(path: path)
    case .SQLITE_CORRUPT: self = .damaged(path: path, findings: [message])
    case .SQLITE_NOTADB: self = .notState(path: path)
    default: self = .database(path: path, message: message)
    }
  }
}

/// Runs a change of the row `id`, and says in our words which rule of the schema it broke.
func changing<Result>(_ kind: String, _ id: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
    let message = error.message ?? "constraint failed"
    switch error.extendedResultCode {
    case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID:
      throw StateError.alreadyExists(kind: kind, id: id)
    case .SQLITE_CONSTRAINT_FOREIGNKEY:
      throw StateError.inUse(
        kind: kind, id: id, why: "it refers to something that isn't there, or something refers to it")
    case .SQLITE_CONSTRAINT_TRIGGER:
      throw StateError.inUse(kind: kind, id: id, why: message)
    default:
      throw StateError.invalid(kind: kind, id: id, why: message)
    }
  }
}
