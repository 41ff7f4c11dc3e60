public import Foundation
import GRDB
import Host
public import Names

/// The root CAs and the projects' CAs, all generations.
public struct Authorities {
  let db: Database
  let keys: KeyStore

  /// Adds an authority as the next generation of its project (or of the root).
  ///
  /// - Throws: ``StateError/alreadyExists(kind:id:)`` when there is an active (or next) one already,
  ///   ``StateError/key(path:why:remedy:)`` when its key file isn't there.
  @discardableResult
  public func insert(_ new: NewAuthority) throws -> Authority {
    if let file = new.keyFile { try keys.require(file) }
    return try changing("certificate authority of", Self.owner(new.project)) {
      let generation = try nextGeneration(of: new.project)
      let row = try Authority.fetchOne(
        db,
        sql: """
          INSERT INTO authorities (project_id, generation, stage, issuer_id, serial, fingerprint, certificate, key_type,
            key_file, key_is_encrypted, not_before, not_after, created_at, anchor)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
          """,
        arguments: [
          new.project?.text, generation, new.stage.rawValue, new.issuer, new.serial.text,
          Digest.sha256(new.certificate).hex, new.certificate, new.keyType.rawValue, new.keyFile?.text,
          new.keyIsEncrypted, new.notBefore.wholeSeconds, new.notAfter.wholeSeconds, new.createdAt.wholeSeconds,
          new.anchor,
        ])
      return try row.orNotFound("certificate authority of", Self.owner(new.project))
    }
  }

  /// The generation that the project's next authority will be: above all that it ever had here, for two of one generation
  /// would have one name.
  public func nextGeneration(of project: ProjectID?) throws -> Int {
    try Int.fetchOne(
      db,
      sql: """
        SELECT ifnull(max(generation), 0) + 1 FROM (
          SELECT generation FROM authorities WHERE ifnull(project_id, '') = :owner
          UNION ALL SELECT generation FROM departed_authorities WHERE ifnull(project_id, '') = :owner)
        """, arguments: ["owner": project?.text ?? ""]) ?? 1
  }

  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func get(_ id: Int64) throws -> Authority {
    try Authority.fetchOne(db, sql: "SELECT * FROM authorities WHERE id = ?", arguments: [id])
      .orNotFound("certificate authority", "\(id)")
  }

  /// The one that issues for the project, or the root that signs projects' CAs; nil before the first launch.
  public func active(of project: ProjectID?) throws -> Authority? {
    try Authority.fetchOne(
      db, sql: "SELECT * FROM authorities WHERE ifnull(project_id, '') = ? AND stage = 'active'",
      arguments: [project?.text ?? ""])
  }

  /// All generations of the project's authority (of the root, for nil), newest first.
  public func all(of project: ProjectID?) throws -> [Authority] {
    try Authority.fetchAll(
      db, sql: "SELECT * FROM authorities WHERE ifnull(project_id, '') = ? ORDER BY generation DESC",
      arguments: [project?.text ?? ""])
  }

  /// All whose private key is kept here.
  public func withKeys() throws -> [Authority] {
    try Authority.fetchAll(db, sql: "SELECT * FROM authorities WHERE key_file IS NOT NULL ORDER BY id")
  }

  /// Those that are trusted now: the active one first, then the others, newest first.
  public func trusted(of project: ProjectID?) throws -> [Authority] {
    let all = try all(of: project).filter { $0.stage != .retired }
    return all.filter { $0.stage == .active } + all.filter { $0.stage != .active }
  }

  /// What the project's cloudpipe and users trust, in DER: the anchors of the trusted authorities, the active one's first.
  public func anchors(of project: ProjectID) throws -> [Data] {
    try Data.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT anchor FROM authorities WHERE ifnull(project_id, '') = ? AND stage <> 'retired' AND anchor IS NOT NULL
          ORDER BY stage <> 'active', generation DESC
          """), arguments: [project.text])
  }

  /// Whether the authority issues, and whether its root's CRL lists it.
  ///
  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func standing(of id: Int64) throws -> (isActive: Bool, isRevoked: Bool) {
    let row = try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT stage = 'active', EXISTS (SELECT 1 FROM revocations r
            WHERE r.authority_id = a.issuer_id AND r.serial = a.serial) FROM authorities a WHERE id = ?
          """), arguments: [id]
    ).orNotFound("certificate authority", "\(id)")
    return (row[0], row[1])
  }

  /// Ends a rollover's first stage: the next authority issues from now on, and the active one becomes previous.
  ///
  /// - Throws: ``StateError/notFound(kind:id:)`` when there is no next one.
  public func activateNext(of project: ProjectID?) throws {
    guard let next = try all(of: project).first(where: { $0.stage == .next }) else {
      throw StateError.notFound(kind: "next certificate authority of", id: Self.owner(project))
    }
    if let active = try active(of: project) { try setStage(.previous, of: active.id) }
    try setStage(.active, of: next.id)
  }

  /// Ends the trust in an authority for good. Its rows stay, for its certificates are judged by them.
  ///
  /// - Throws: ``StateError/notFound(kind:id:)``.
  public func retire(_ id: Int64) throws { try setStage(.retired, of: get(id).id) }

  /// The trusted authorities of all projects whose certificate the root `issuer` signed and hasn't revoked.
  public func issued(by issuer: Int64) throws -> [Authority] {
    try Authority.fetchAll(
      db,
      sql: """
        SELECT * FROM authorities a WHERE issuer_id = ? AND stage <> 'retired' AND NOT EXISTS (
          SELECT 1 FROM revocations r WHERE r.authority_id = a.issuer_id AND r.serial = a.serial) ORDER BY id
        """, arguments: [issuer])
  }

  /// Gives an authority another certificate of the same name and key, from another root. The one before it stays good
  /// while its root is trusted, and is remembered to be revoked with this one.
  ///
  /// - Throws: ``StateError``.
  public func replaceCertificate(
    of old: Authority, issuer: Int64, serial: SerialNumber, certificate: Data, notBefore: Date, notAfter: Date,
    at date: Date
  ) throws {
    try changing("certificate authority", "\(old.id)") {
      try db.execute(
        sql: "INSERT INTO superseded_certificates VALUES (?, ?, ?, ?, ?)",
        arguments: [old.issuerId, old.serial.text, old.id, old.notAfter.wholeSeconds, date.wholeSeconds])
      try db.execute(
        sql: """
          UPDATE authorities SET issuer_id = ?, serial = ?, certificate = ?, not_before = ?, not_after = ? WHERE id = ?
          """,
        arguments: [
          issuer, serial.text, certificate, notBefore.wholeSeconds, notAfter.wholeSeconds, old.id,
        ])
    }
  }

  /// Every certificate of an authority that a root which is trusted signed: the present one and earlier ones.
  public func certificates(of authority: Authority) throws -> [(issuer: Int64, serial: SerialNumber, notAfter: Date)] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT issuer_id, serial, not_after FROM superseded_certificates WHERE authority_id = ?
          AND issuer_id IN (SELECT id FROM authorities WHERE stage <> 'retired')
        """, arguments: [authority.id])
    let earlier = try rows.map { row in
      (
        issuer: row[0] as Int64, serial: try SerialNumber(row[1] as String),
        notAfter: Date(timeIntervalSince1970: row[2])
      )
    }
    return (authority.issuerId.map { [(issuer: $0, serial: authority.serial, notAfter: authority.notAfter)] } ?? [])
      + earlier
  }

  /// Stores the anchor of an authority that has none yet; one that has keeps it.
  public func setAnchor(_ anchor: Data, of id: Int64) throws {
    try db.execute(sql: "UPDATE authorities SET anchor = ? WHERE id = ? AND anchor IS NULL", arguments: [anchor, id])
  }

  private func setStage(_ stage: AuthorityStage, of id: Int64) throws {
    try changing("certificate authority", "\(id)") {
      try db.execute(sql: "UPDATE authorities SET stage = ? WHERE id = ?", arguments: [stage.rawValue, id])
    }
  }

  private static func owner(_ project: ProjectID?) -> String { project.map { "project \($0)" } ?? "the root" }
}
