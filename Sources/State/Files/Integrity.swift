import GRDB
import SystemPackage

extension StateStore {
  /// What is wrong with the database and the key files, a sentence each; empty when all is well.
  ///
  /// - Throws: ``StateError``, `CancellationError`.
  public func integrityCheck() async throws -> [String] {
    try await read { transaction in
      var findings = try Self.findings(transaction.db)
      for file in try transaction.keyFiles().sorted() {
        do { try keys.require(file) } catch { findings.append("\(error)") }
      }
      return findings
    }
  }

  /// What SQLite finds wrong with the content of a database.
  static func findings(_ db: Database) throws -> [String] {
    let damage = try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
    let dangling = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { row in
      "a row of \(row["table"] as String? ?? "?") refers to one of \(row["parent"] as String? ?? "?") that isn't there"
    }
    return damage + dangling
  }
}
