public import Foundation
public import Names

/// Where an authority stands in a rollover. All but the retired are trusted; only the active one issues.
public enum AuthorityStage: String, Codable, Sendable, CaseIterable {
  case next, active, previous, retired
}

/// The kinds of keys that authorities and certificates can have.
public enum KeyType: String, Codable, Sendable, CaseIterable {
  case p256, p384, ed25519, rsa3072, rsa4096
}

/// One generation of the root CA, or of a project's CA.
public struct Authority: Hashable, Codable, Sendable, Identifiable {
  public let id: Int64
  /// Nil for a root CA.
  public let projectId: ProjectID?
  /// 1 for the first, one more at each rollover.
  public let generation: Int
  public let stage: AuthorityStage
  /// The root CA that signed it; nil for a root CA.
  public let issuerId: Int64?
  /// The serial number of its certificate, which is its issuer's to revoke.
  public let serial: SerialNumber
  /// SHA-256 of its first certificate in DER: what it is known by across backups, whatever certificate it has now.
  public let fingerprint: String
  /// In DER.
  public let certificate: Data
  public let keyType: KeyType
  /// Nil when the key is kept elsewhere.
  public let keyFile: KeyFile?
  public let keyIsEncrypted: Bool
  public let notBefore: Date
  public let notAfter: Date
  /// The number of its newest CRL; 0 before the first.
  public let lastCrlNumber: Int64
  public let createdAt: Date
  /// The self-signed form of a project's authority, in DER, which its cloudpipe and users trust; nil for a root, and for
  /// one that was made before anchors were stored.
  public let anchor: Data?
  /// When its next CRL is due; 1970 when it has none.
  public let crlDueAt: Date

  /// The certificate in PEM.
  public var pem: String { PEM.certificate(certificate) }
}

extension Authority: StateRecord {
  static let databaseTableName = "authorities"
}

/// What a new authority is made of.
public struct NewAuthority: Hashable, Sendable {
  public var project: ProjectID?
  public var stage: AuthorityStage
  public var issuer: Int64?
  public var serial: SerialNumber
  public var certificate: Data
  public var keyType: KeyType
  public var keyFile: KeyFile?
  public var keyIsEncrypted: Bool
  public var notBefore: Date
  public var notAfter: Date
  public var createdAt: Date
  public var anchor: Data?

  /// - Parameters:
  ///   - project: nil for a root CA, which has no `issuer` either.
  ///   - certificate: in DER.
  ///   - anchor: in DER; nil for a root CA.
  ///   - keyFile: written before, and checked to be there when the row is.
  public init(
    project: ProjectID?, stage: AuthorityStage, issuer: Int64?, serial: SerialNumber, certificate: Data,
    keyType: KeyType, keyFile: KeyFile?, keyIsEncrypted: Bool = false, notBefore: Date, notAfter: Date, createdAt: Date,
    anchor: Data? = nil
  ) {
    self.project = project
    self.stage = stage
    self.issuer = issuer
    self.serial = serial
    self.certificate = certificate
    self.keyType = keyType
    self.keyFile = keyFile
    self.keyIsEncrypted = keyIsEncrypted
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.createdAt = createdAt
    self.anchor = anchor
  }
}
