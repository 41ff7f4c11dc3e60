public import Foundation
import GRDB
public import Names

/// The algorithm of an SSH key pair.
public enum KeyPairType: String, Codable, Sendable, CaseIterable {
  case ed25519, rsa
}

/// The SSH key pair `<project>-vpn`.
public struct KeyPair: Hashable, Codable, Sendable {
  public let name: String
  public let projectId: ProjectID
  public let type: KeyPairType
  /// One line of an OpenSSH `authorized_keys` file.
  public let publicKey: String
  /// `SHA256:` and base64, as `ssh-keygen -l` prints it.
  public let fingerprint: String
  public let keyFile: KeyFile
  public let createdAt: Date

  public init(
    project: ProjectID, type: KeyPairType, publicKey: String, fingerprint: String, keyFile: KeyFile, createdAt: Date
  ) {
    name = "\(project)-vpn"
    projectId = project
    self.type = type
    self.publicKey = publicKey
    self.fingerprint = fingerprint
    self.keyFile = keyFile
    self.createdAt = createdAt
  }
}

extension KeyPair: StateRecord {
  static let databaseTableName = "key_pairs"
}

/// The key pairs: at most one a project.
public struct KeyPairs {
  let db: Database
  let keys: KeyStore

  /// - Throws: ``StateError/alreadyExists(kind:id:)``, ``StateError/key(path:why:remedy:)`` when its file isn't there.
  public func insert(_ pair: KeyPair) throws {
    try keys.require(pair.keyFile)
    try changing("key pair", pair.name) { try pair.insert(db) }
  }

  /// Writes the private key into its file and adds the row. Since the file has a name that is known beforehand, one that is
  /// there without a row is left from a kill, and replaced: nobody else can be about to use it, for this is done under
  /// the write lock.
  ///
  /// - Throws: ``StateError/alreadyExists(kind:id:)``, `HostError`.
  public func insert(_ pair: KeyPair, key: some DataProtocol) throws {
    guard try find(of: pair.projectId) == nil else { throw StateError.alreadyExists(kind: "key pair", id: pair.name) }
    try keys.remove(pair.keyFile)
    try keys.write(key, as: pair.keyFile)
    try insert(pair)
  }

  public func find(of project: ProjectID) throws -> KeyPair? {
    try KeyPair.fetchOne(db, sql: "SELECT * FROM key_pairs WHERE project_id = ?", arguments: [project.text])
  }

  /// All of them, ordered by name.
  public func all() throws -> [KeyPair] { try KeyPair.fetchAll(db, sql: "SELECT * FROM key_pairs ORDER BY name") }

  /// Forgets the project's key pair; its file is then swept. One that isn't there is fine.
  public func remove(of project: ProjectID) throws {
    try db.execute(sql: "DELETE FROM key_pairs WHERE project_id = ?", arguments: [project.text])
  }
}
