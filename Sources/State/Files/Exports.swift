import GRDB
import Host
public import Names
import SystemPackage

/// The files that other programs read, written from the rows: `CA/cacert.pem`, and `cacert.pem`, `server.crt` and
/// `crl.pem` in `CA/projects/<project>`.
///
/// Triggers of the schema note which project's rows have changed, in the transaction that changes them. The files are
/// written after that transaction is durable, under the database's write lock, so that an older state never overwrites
/// a newer one; and the note goes when they are on disk. A kill between leaves the note, and the next command's
/// ``write()`` finishes the work.
public struct Exports: Sendable {
  let store: StateStore

  /// Writes the files of what has changed since the last time. Costs one small read where nothing has.
  ///
  /// - Throws: ``StateError``, `HostError`.
  public func write() async throws {
    let stale = try await store.read { try String.fetchAll($0.db, sql: "SELECT project_id FROM stale_exports") }
    for scope in stale {
      try await store.write { transaction in
        try folder(scope, transaction)?.write()
        try transaction.db.execute(sql: "DELETE FROM stale_exports WHERE project_id = ?", arguments: [scope])
      }
    }
  }

  /// Compares every file with the rows and writes anew what differs, whoever changed it.
  ///
  /// - Parameter project: the only one to look at, beside the root.
  /// - Returns: the projects whose files differed; nil among them is the root.
  /// - Throws: ``StateError``, `HostError`.
  @discardableResult
  public func repair(of project: ProjectID? = nil) async throws -> [ProjectID?] {
    let candidates = try await store.read { try differing(of: project, $0) }
    guard !candidates.isEmpty else { return [] }
    let different = try await store.write { transaction in
      let different = try tampered(candidates, transaction)
      for scope in different {
        try transaction.db.execute(sql: "INSERT OR IGNORE INTO stale_exports VALUES (?)", arguments: [scope])
      }
      return different
    }
    try await write()
    return different.map { try? ProjectID($0) }
  }

  /// The projects whose files aren't what they were when they were written; nil is the root.
  ///
  /// - Throws: ``StateError``, `HostError`.
  public func tampered() async throws -> [ProjectID?] {
    let candidates = try await store.read { try differing(of: nil, $0) }
    guard !candidates.isEmpty else { return [] }
    return try await store.write { try tampered(candidates, $0) }.map { try? ProjectID($0) }
  }

  /// Those that differ under the write lock as well, when nobody is between the rows and their files.
  private func tampered(_ scopes: [String], _ transaction: Transaction) throws -> [String] {
    let stale = try String.fetchSet(transaction.db, sql: "SELECT project_id FROM stale_exports")
    return try scopes.filter { try !stale.contains($0) && folder($0, transaction)?.isCurrent() == false }
  }

  private func differing(of project: ProjectID?, _ transaction: Transaction) throws -> [String] {
    var scopes = project.map { ["", $0.text] } ?? []
    if scopes.isEmpty {
      let known = try String.fetchAll(transaction.db, sql: "SELECT id FROM projects")
      let found = try Folder.names(in: store.home.projects).filter { (try? ProjectID($0)) != nil }
      scopes = [""] + Set(known).union(found).sorted()
    }
    return try scopes.filter { try folder($0, transaction)?.isCurrent() == false }
  }

  private func folder(_ scope: String, _ transaction: Transaction) throws -> ExportedFolder? {
    if scope.isEmpty { return try ExportedFolder.ofRoot(transaction, home: store.home) }
    return try ExportedFolder.of(ProjectID(scope), transaction, home: store.home)
  }
}

extension Transaction {
  /// The newest CRL of each of the project's trusted authorities in PEM, as it is exported; nil where there is none.
  public func exportedCRLs(of project: ProjectID) throws -> String? {
    try ExportedFolder.crls(of: authorities.trusted(of: project), self)
  }
}

extension StateStore {
  /// The files that other programs read.
  public var exports: Exports { Exports(store: self) }
}
