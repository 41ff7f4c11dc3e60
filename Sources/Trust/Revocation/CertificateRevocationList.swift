public import Foundation

/// A CRL of version 2 (RFC 5280, §5). Reading it says nothing about who signed it: see `checkIssued(by:)`.
public struct CertificateRevocationList: Sendable, Hashable {
  /// The whole list.
  public let der: [UInt8]
  public let issuer: DistinguishedName
  /// Names the key that signed it.
  public let authorityKeyIdentifier: KeyIdentifier?
  /// Grows with every list of one CA; nil only in lists of others.
  public let number: UInt64?
  /// When it was issued.
  public var thisUpdate: Date { updated.date }
  /// When the next one is there at the latest. From then on OpenVPN refuses **everybody**.
  public var nextUpdate: Date { expires.date }
  /// What is revoked, in the list's order.
  public let revocations: [Revocation]

  let updated: ASN1Time
  let expires: ASN1Time

  /// Reads DER.
  /// - Throws: `TrustError.malformed`.
  public init(der: [UInt8]) throws {
    self = try parsing(.revocationList) { try Self(der: der, document: try SignedDocument(der: der)) }
  }

  /// Reads a PEM text that holds one list.
  /// - Throws: `TrustError.malformed`.
  public init(pem: String) throws {
    try self.init(der: try PEM.single(Self.label, in: pem, as: .revocationList))
  }

  private static let label = "X509 CRL"

  /// PEM text with a line break at its end.
  public var pem: String { PEM.text(Self.label, der) }

  public static func == (a: Self, b: Self) -> Bool { a.der == b.der }
  public func hash(into hasher: inout Hasher) { hasher.combine(der) }
}

extension CertificateRevocationList {
  /// When to make the next list though nothing was revoked: after two thirds of the lifetime, which leaves a third for
  /// it to reach the instance.
  public var renewalDue: Date {
    Date(timeIntervalSince1970: Double(updated.seconds + (expires.seconds - updated.seconds) / 3 * 2))
  }

  /// Checks that this is a list of `authority`: its name, its key, and its signature. OpenVPN accepts a list of another
  /// issuer with no more than a debug message and then refuses nobody, so this has to be asked before a list is installed.
  /// - Throws: `TrustError.notIssuedBy` or `.cryptographyFailed`.
  public func checkIssued(by authority: Certificate) throws {
    func refusal(_ reason: String) -> TrustError {
      .notIssuedBy(.revocationList, issuer: authority.subject.description, reason: reason)
    }
    guard issuer == authority.subject else { throw refusal("it names another issuer") }
    guard authority.isAuthority, authority.keyUsage?.contains(.crlSign) ?? true else {
      throw refusal("that certificate may not sign revocation lists")
    }
    if let named = authorityKeyIdentifier, let own = authority.subjectKeyIdentifier, named != own {
      throw refusal("it names another key of this issuer")
    }
    let signed = try parsing(.revocationList) { try SignedDocument(der: der).isSigned(by: authority.publicKey) }
    guard signed else { throw refusal("the signature is not this key's") }
  }
}

extension CertificateRevocationList {
  private init(der: [UInt8], document: SignedDocument) throws {
    self.der = der
    var fields = try document.content
    guard try fields.integer() == 1 else { throw DERError(reason: "it is not of version 2") }
    guard try SignatureScheme.read(from: &fields) == document.scheme else {
      throw DERError(reason: "it names two signature algorithms")
    }
    issuer = try DistinguishedName.read(from: &fields)
    updated = try ASN1Time.read(from: &fields)
    guard ASN1Time.isNext(in: fields) else { throw DERError(reason: "it doesn't say when the next one comes") }
    expires = try ASN1Time.read(from: &fields)
    guard updated <= expires else { throw DERError(reason: "it ends before it begins") }
    revocations = try fields.readIfPresent(DERTag.sequence).map { try Self.revocations($0.reader) } ?? []

    guard var wrapper = try fields.readIfPresent(DERTag.contextConstructed(0))?.reader else {
      throw DERError(reason: "it has no extensions")
    }
    let extensions = try ExtensionSet(try wrapper.read(DERTag.sequence))
    try wrapper.end()
    try fields.end()
    // A delta CRL or one for part of the certificates announces itself with a critical extension.
    try extensions.refuseUnknownCritical(known: [.authorityKeyIdentifier, .crlNumber])
    authorityKeyIdentifier = try extensions.authorityKeyIdentifier()
    number = try extensions.reader(.crlNumber).map { reader in
      var reader = reader
      return try reader.integer()
    }
  }

  private static func revocations(_ list: DERReader) throws -> [Revocation] {
    var list = list
    var revocations: [Revocation] = []
    while !list.isAtEnd {
      var entry = try list.read(DERTag.sequence).reader
      let serial = try SerialNumber.read(from: &entry)
      let revokedAt = try ASN1Time.read(from: &entry)
      var reason = RevocationReason.unspecified
      if let extensions = try entry.readIfPresent(DERTag.sequence) { reason = try Self.reason(extensions) }
      try entry.end()
      revocations.append(Revocation(serial: serial, revokedAt: revokedAt.date, reason: reason))
    }
    return revocations
  }

  private static func reason(_ sequence: DERValue) throws -> RevocationReason {
    let extensions = try ExtensionSet(sequence)
    try extensions.refuseUnknownCritical(known: [.reasonCode])
    guard var reader = extensions.reader(.reasonCode) else { return .unspecified }
    let content = try reader.read(DERTag.enumerated).content
    guard let code = content.first, content.count == 1, let reason = RevocationReason(code: code) else {
      throw DERError(reason: "a reason for a revocation is not known")
    }
    return reason
  }
}
