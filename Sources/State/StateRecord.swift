import GRDB

/// A row as a value. Properties in camel case are columns in snake case, and dates are whole seconds since 1970, which
/// is what X.509 can tell apart as well.
///
/// The records themselves are plain values that know nothing of GRDB; ``Stored`` takes them there and back.
protocol StateRecord: Codable {
  static var databaseTableName: String { get }
}

// Statements are kept: to compile one takes longer than to run it.
extension StateRecord {
  static func fetchOne(_ db: Database, sql: String, arguments: StatementArguments = []) throws -> Self? {
    try Stored<Self>.fetchOne(db.cachedStatement(sql: sql), arguments: arguments)?.record
  }

  static func fetchOne(_ db: Database, key: some DatabaseValueConvertible) throws -> Self? {
    try Stored<Self>.fetchOne(db, key: key)?.record
  }

  static func fetchAll(_ db: Database, sql: String, arguments: StatementArguments = []) throws -> [Self] {
    try Stored<Self>.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).map(\.record)
  }

  func insert(_ db: Database) throws { try Stored(record: self).insert(db) }

  func update(_ db: Database) throws { try Stored(record: self).update(db) }

  /// Updates the row with the same primary key, or inserts one.
  func save(_ db: Database) throws { try Stored(record: self).save(db) }
}

/// A record dressed up for GRDB.
struct Stored<Record: StateRecord>: Codable, FetchableRecord, PersistableRecord {
  let record: Record

  init(record: Record) { self.record = record }

  init(from decoder: any Decoder) throws { record = try Record(from: decoder) }

  func encode(to encoder: any Encoder) throws { try record.encode(to: encoder) }

  static var databaseTableName: String { Record.databaseTableName }
  static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy { .convertFromSnakeCase }
  static var databaseColumnEncodingStrategy: DatabaseColumnEncodingStrategy { .convertToSnakeCase }

  static func databaseDateDecodingStrategy(for column: String) -> DatabaseDateDecodingStrategy {
    .timeIntervalSince1970
  }
  static func databaseDateEncodingStrategy(for column: String) -> DatabaseDateEncodingStrategy { .secondsSince1970 }
}
