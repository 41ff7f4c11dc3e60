public import Foundation
import GRDB
import Names

/// A certificate that a project's authority issued.
public struct Certificate: Hashable, Codable, Sendable {
  public let authorityId: Int64
  public let serial: SerialNumber
  public let lineageId: Int64
  /// In DER.
  public let certificate: Data
  /// Nil when the private key isn't kept here, as for a user's.
  public let keyFile: KeyFile?
  public let notBefore: Date
  public let notAfter: Date
  public let createdAt: Date

  /// - Parameter certificate: in DER.
  public init(
    authorityId: Int64, serial: SerialNumber, lineageId: Int64, certificate: Data, keyFile: KeyFile? = nil,
    notBefore: Date, notAfter: Date, createdAt: Date
  ) {
    self.authorityId = authorityId
    self.serial = serial
    self.lineageId = lineageId
    self.certificate = certificate
    self.keyFile = keyFile
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.createdAt = createdAt
  }

  /// The certificate in PEM.
  public var pem: String { PEM.certificate(certificate) }
}

extension Certificate: StateRecord {
  static let databaseTableName = "certificates"
}

/// The certificates of all projects.
public struct Certificates {
  let db: Database
  let keys: KeyStore

  /// - Throws: ``StateError/alreadyExists(kind:id:)`` when the authority has used that serial number,
  ///   ``StateError/inUse(kind:id:why:)`` when the lineage was revoked meanwhile,
  ///   ``StateError/key(path:why:remedy:)`` when its key file isn't there.
  public func insert(_ certificate: Certificate) throws {
    if let file = certificate.keyFile { try keys.require(file) }
    try changing("certificate with serial number", certificate.serial.text) { try certificate.insert(db) }
  }

  public func find(_ serial: SerialNumber, of authority: Int64) throws -> Certificate? {
    try Certificate.fetchOne(
      db, sql: "SELECT * FROM certificates WHERE authority_id = ? AND serial = ?", arguments: [authority, serial.text])
  }

  /// All whose private key is kept here: the cloudpipes'.
  public func withKeys() throws -> [Certificate] {
    // `>= ''` and not `IS NOT NULL`, for which SQLite would look at every user's certificate.
    try Certificate.fetchAll(db, sql: "SELECT * FROM certificates WHERE key_file >= ''")
  }

  /// The lineage's certificates, the one that lasts longest first.
  public func all(in lineage: Int64) throws -> [Certificate] {
    try Certificate.fetchAll(
      db, sql: "SELECT * FROM certificates WHERE lineage_id = ? ORDER BY not_after DESC, rowid DESC",
      arguments: [lineage])
  }

  /// The lineage's certificate that lasts longest and isn't revoked; nil where there is none.
  public func newest(in lineage: Int64) throws -> Certificate? {
    try Certificate.fetchOne(
      db,
      sql: """
        SELECT * FROM certificates WHERE lineage_id = ? AND NOT EXISTS (SELECT 1 FROM revocations
          WHERE revocations.authority_id = certificates.authority_id AND revocations.serial = certificates.serial)
        ORDER BY not_after DESC, rowid DESC LIMIT 1
        """, arguments: [lineage])
  }
}
