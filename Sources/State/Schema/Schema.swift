import GRDB
import SystemPackage

/// The database's tables, as a row of numbered migrations. One that was released is never edited; a change is a new one.
enum Schema {
  /// "cpbd": what `file` and a restore know our databases by.
  static let applicationID = 0x6370_6264

  static let migrations = [
    SchemaVersion1.sql, SchemaVersion2.sql, SchemaVersion3.sql, SchemaVersion4.sql, SchemaVersion5.sql,
    SchemaVersion6.sql,
  ]

  /// STRICT tables came with SQLite 3.37 (November 2021).
  private static let oldestSQLite = 3_037_000

  static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.busyMode = .timeout(Double(StateStore.patience))
    configuration.prepareDatabase { db in
      // What a schema in a file from elsewhere says is not to be run with our rights.
      try db.execute(sql: "PRAGMA trusted_schema = OFF")
    }
    return configuration
  }

  /// - Parameter upTo: the number of migrations to run, for tests of older schemas.
  static func migrator(upTo count: Int = migrations.count) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    for (index, sql) in migrations.prefix(count).enumerated() {
      migrator.registerMigration(String(index + 1)) { try $0.execute(sql: sql) }
    }
    return migrator
  }

  /// - Throws: ``StateError`` when the database is somebody else's, or newer than this program.
  static func bringUpToDate(_ writer: some DatabaseWriter, path: FilePath) throws {
    try checkSQLite()
    let migrator = migrator()
    let current = try writer.read { db in
      try checkOwner(db, path: path)
      guard try !migrator.hasBeenSuperseded(db) else { throw StateError.newerVersion(path: path) }
      return try migrator.hasCompletedMigrations(db)
    }
    if !current { try migrator.migrate(writer) }
  }

  /// Whether there is no table of ours.
  static func isMissing(_ db: Database) throws -> Bool { try !db.tableExists("stale_exports") }

  /// Whether our tables are there, and no row that files for other programs could come from.
  static func isUnused(_ db: Database) throws -> Bool {
    guard try !isMissing(db) else { return false }
    return try Row.fetchOne(
      db, sql: "SELECT 1 FROM authorities UNION ALL SELECT 1 FROM projects UNION ALL SELECT 1 FROM stale_exports"
    ) == nil
  }

  private static func checkOwner(_ db: Database, path: FilePath) throws {
    let id = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    if id == applicationID { return }
    // A kill may leave the migrator's own table, with an index of SQLite's.
    let isEmpty =
      try Int.fetchOne(
        db, sql: "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'grdb_%' AND name NOT LIKE 'sqlite_%'") == 0
    guard id == 0, isEmpty else { throw StateError.notState(path: path) }
  }

  private static func checkSQLite() throws {
    guard Database.sqliteLibVersionNumber < oldestSQLite else { return }
    let found = Database.sqliteLibVersionNumber
    throw StateError.sqliteTooOld(found: "\(found / 1_000_000).\(found / 1000 % 1000).\(found % 1000)", needed: "3.37")
  }
}
