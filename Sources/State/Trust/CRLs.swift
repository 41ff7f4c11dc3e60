public import Foundation
import GRDB

/// A certificate revocation list that an authority signed.
public struct CRL: Hashable, Codable, Sendable {
  public let authorityId: Int64
  /// One more than the one before it (RFC 5280, 5.2.3); higher by more after a restore.
  public let number: Int64
  public let thisUpdate: Date
  public let nextUpdate: Date
  /// In DER.
  public let crl: Data

  /// - Parameter crl: in DER.
  public init(authorityId: Int64, number: Int64, thisUpdate: Date, nextUpdate: Date, crl: Data) {
    self.authorityId = authorityId
    self.number = number
    self.thisUpdate = thisUpdate
    self.nextUpdate = nextUpdate
    self.crl = crl
  }

  /// The CRL in PEM.
  public var pem: String { PEM.crl(crl) }
}

extension CRL: StateRecord {
  static let databaseTableName = "crls"
}

/// The CRLs of all authorities. Old ones are dropped when a new one is added, but for the last few.
public struct CRLs {
  let db: Database

  /// Signed CRLs that are kept of each authority.
  static let kept: Int64 = 3

  /// Hands out the authority's next CRL number, which no other transaction gets. Sign and ``insert(_:)`` in this one.
  ///
  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func allocateNumber(for authority: Int64) throws -> Int64 {
    try Int64.fetchOne(
      db, sql: "UPDATE authorities SET last_crl_number = last_crl_number + 1 WHERE id = ? RETURNING last_crl_number",
      arguments: [authority]
    ).orNotFound("certificate authority", "\(authority)")
  }

  /// - Throws: ``StateError/inUse(kind:id:why:)`` when the number isn't the one that was handed out last,
  ///   ``StateError/alreadyExists(kind:id:)``.
  public func insert(_ crl: CRL) throws {
    try changing("CRL", "\(crl.number) of authority \(crl.authorityId)") { try crl.insert(db) }
    try db.execute(
      sql: "DELETE FROM crls WHERE authority_id = ? AND number <= ?",
      arguments: [crl.authorityId, crl.number - Self.kept])
  }

  /// The newest CRL of the authority; nil before the first.
  public func newest(of authority: Int64) throws -> CRL? {
    try CRL.fetchOne(
      db, sql: "SELECT * FROM crls WHERE authority_id = ? ORDER BY number DESC LIMIT 1", arguments: [authority])
  }

  /// The last few CRLs of the authority, newest first.
  public func last(of authority: Int64) throws -> [CRL] {
    try CRL.fetchAll(db, sql: "SELECT * FROM crls WHERE authority_id = ? ORDER BY number DESC", arguments: [authority])
  }

  /// The authorities that need a new CRL at `date`, the one that needs it most first: trusted, with a CRL that has used
  /// up two thirds of its lifetime, or with none. An index answers it, for any number of projects.
  public func due(at date: Date, limit: Int = .max) throws -> [Int64] {
    try Int64.fetchAll(
      db,
      sql: """
        SELECT id FROM authorities INDEXED BY authorities_by_crl_due
        WHERE stage <> 'retired' AND crl_due_at <= ? AND key_file IS NOT NULL ORDER BY crl_due_at, id LIMIT ?
        """, arguments: [date.wholeSeconds, limit])
  }
}
