public import Foundation

/// An X.509v3 certificate (RFC 5280, §4.1), read once into values. Reading it says nothing about who signed it.
public struct Certificate: Sendable, Hashable {
  /// The whole certificate.
  public let der: [UInt8]
  /// Unique for its issuer.
  public let serial: SerialNumber
  public let subject: DistinguishedName
  public let issuer: DistinguishedName
  public let publicKey: PublicKey
  /// The first second at which it is valid.
  public var notBefore: Date { starts.date }
  /// The last second at which it is valid.
  public var notAfter: Date { ends.date }
  /// Names its own key.
  public let subjectKeyIdentifier: KeyIdentifier?
  /// Names its issuer's key.
  public let authorityKeyIdentifier: KeyIdentifier?
  /// Whether it may sign certificates at all (basicConstraints).
  public let isAuthority: Bool
  /// How many CAs may stand between it and the last certificate of a chain; nil for any number.
  public let pathLength: UInt64?
  /// What it may be used for as a certificate of a peer.
  public let purposes: Set<Purpose>
  /// The host names in it.
  public let dnsNames: [String]

  let starts: ASN1Time
  let ends: ASN1Time
  let keyUsage: KeyUsage?

  /// The extended key usages that OpenVPN looks at; others are ignored.
  public enum Purpose: Sendable, Hashable {
    case serverAuthentication
    case clientAuthentication
  }

  /// Reads DER.
  /// - Throws: `TrustError.malformed` or `TrustError.keyRefused`.
  public init(der: [UInt8]) throws {
    self = try parsing(.certificate) {
      let document = try SignedDocument(der: der)
      return try Certificate(der: der, document: document)
    }
  }

  /// Reads a PEM text that holds one certificate.
  /// - Throws: `TrustError.malformed` or `TrustError.keyRefused`.
  public init(pem: String) throws {
    try self.init(der: try PEM.single(Self.label, in: pem, as: .certificate))
  }

  /// Reads every certificate of a PEM text, in order.
  /// - Throws: `TrustError.malformed` or `TrustError.keyRefused`.
  public static func all(inPEM pem: String) throws -> [Certificate] {
    try PEM.decode(pem.utf8, as: .certificate).filter { $0.label == label }.map { try Certificate(der: $0.bytes) }
  }

  private static let label = "CERTIFICATE"

  /// PEM text with a line break at its end.
  public var pem: String { PEM.text(Self.label, der) }

  /// SHA-256 of the DER, 32 bytes.
  /// - Throws: `TrustError.cryptographyFailed`.
  public func fingerprint() throws -> [UInt8] { try sha256(der) }

  public static func == (a: Certificate, b: Certificate) -> Bool { a.der == b.der }
  public func hash(into hasher: inout Hasher) { hasher.combine(der) }
}

extension Certificate {
  /// What a certificate's critical extensions may be.
  private static let known: Set<OID> = [
    .basicConstraints, .keyUsage, .extendedKeyUsage, .subjectKeyIdentifier, .authorityKeyIdentifier,
    .subjectAlternativeName, .crlDistributionPoints,
  ]

  private init(der: [UInt8], document: SignedDocument) throws {
    self.der = der
    var fields = try document.content
    guard let version = try fields.readIfPresent(DERTag.contextConstructed(0)),
      version.content.elementsEqual([2, 1, 2])
    else { throw DERError(reason: "it is not of version 3") }
    serial = try SerialNumber.read(from: &fields)
    guard try SignatureScheme.read(from: &fields) == document.scheme else {
      throw DERError(reason: "it names two signature algorithms")
    }
    issuer = try DistinguishedName.read(from: &fields)
    var validity = try fields.read(DERTag.sequence).reader
    starts = try ASN1Time.read(from: &validity)
    ends = try ASN1Time.read(from: &validity)
    try validity.end()
    subject = try DistinguishedName.read(from: &fields)
    publicKey = try PublicKey(trusted: Array(try fields.read(DERTag.sequence).encoded))

    var extensions = ExtensionSet()
    if var wrapper = try fields.readIfPresent(DERTag.contextConstructed(3))?.reader {
      extensions = try ExtensionSet(try wrapper.read(DERTag.sequence))
      try wrapper.end()
    }
    try fields.end()
    try extensions.refuseUnknownCritical(known: Self.known)
    subjectKeyIdentifier = try extensions.subjectKeyIdentifier()
    authorityKeyIdentifier = try extensions.authorityKeyIdentifier()
    (isAuthority, pathLength) = try Self.basicConstraints(extensions)
    keyUsage = try extensions.reader(.keyUsage).map { reader in
      var reader = reader
      return try KeyUsage(content: try reader.read(DERTag.bitString).content)
    }
    purposes = try Self.purposes(extensions)
    dnsNames = try Self.dnsNames(extensions)
  }

  private static func basicConstraints(_ extensions: ExtensionSet) throws -> (Bool, UInt64?) {
    guard var reader = extensions.reader(.basicConstraints) else { return (false, nil) }
    var parts = try reader.read(DERTag.sequence).reader
    guard !parts.isAtEnd else { return (false, nil) }
    let isAuthority = try parts.boolean()
    let pathLength = parts.isAtEnd ? nil : try parts.integer()
    try parts.end()
    return (isAuthority, pathLength)
  }

  private static func purposes(_ extensions: ExtensionSet) throws -> Set<Purpose> {
    guard var reader = extensions.reader(.extendedKeyUsage) else { return [] }
    var parts = try reader.read(DERTag.sequence).reader
    var purposes: Set<Purpose> = []
    while !parts.isAtEnd {
      switch try parts.oid() {
      case .serverAuthentication: purposes.insert(.serverAuthentication)
      case .clientAuthentication: purposes.insert(.clientAuthentication)
      default: break
      }
    }
    return purposes
  }

  private static func dnsNames(_ extensions: ExtensionSet) throws -> [String] {
    guard var reader = extensions.reader(.subjectAlternativeName) else { return [] }
    var parts = try reader.read(DERTag.sequence).reader
    var names: [String] = []
    while !parts.isAtEnd {
      let name = try parts.next()
      guard name.tag == DERTag.context(2) else { continue }
      guard name.content.allSatisfy(ASCII.isVisible) else { throw DERError(reason: "a host name in it is not ASCII") }
      names.append(String(decoding: name.content, as: UTF8.self))
    }
    return names
  }
}

extension Certificate {
  /// Checks that `authority` is the issuer: it is named as such, may sign certificates, and did sign this one. Says
  /// nothing about time or revocation.
  /// - Throws: `TrustError.notIssuedBy`, or `.cryptographyFailed`.
  public func checkIssued(by authority: Certificate) throws {
    func refusal(_ reason: String) -> TrustError {
      .notIssuedBy(.certificate, issuer: authority.subject.description, reason: reason)
    }
    guard issuer == authority.subject else { throw refusal("it names another issuer") }
    guard authority.isAuthority, authority.keyUsage?.contains(.keyCertSign) ?? true else {
      throw refusal("that certificate may not sign certificates")
    }
    if let named = authorityKeyIdentifier, let own = authority.subjectKeyIdentifier, named != own {
      throw refusal("it names another key of this issuer")
    }
    let signed = try parsing(.certificate) { try SignedDocument(der: der).isSigned(by: authority.publicKey) }
    guard signed else { throw refusal("the signature is not this key's") }
  }
}
