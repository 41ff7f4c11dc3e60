public import Foundation

/// A CA that can issue: its certificate and the private key to it.
///
/// Two kinds exist. The *root* signs one intermediate, the *project CA*, for each project (path length 1 and 0). The
/// project CA signs its cloudpipe's certificate and its users'.
public struct CertificateAuthority: Sendable {
  public let certificate: Certificate
  public let key: PrivateKey
  /// Where this CA's own revocation list can be fetched; named in every certificate that it issues.
  public let crlLocation: CRLLocation?
  let keyIdentifier: KeyIdentifier

  /// How far before now a certificate starts to be valid: clocks of clients and of fresh instances run behind.
  public static let clockSkew: TimeInterval = 300

  /// Puts a CA together from what was stored.
  /// - Throws: `TrustError.notPermitted` when the certificate is no CA's, `.keyMismatch` when the key is another's.
  public init(certificate: Certificate, key: PrivateKey, crlLocation: CRLLocation? = nil) throws {
    let subject = certificate.subject.description
    guard certificate.isAuthority, certificate.keyUsage?.isSuperset(of: [.keyCertSign, .crlSign]) ?? true else {
      throw TrustError.notPermitted(subject: subject, reason: "it is not a CA's certificate")
    }
    guard certificate.publicKey == key.publicKey else { throw TrustError.keyMismatch(subject: subject) }
    self.certificate = certificate
    self.key = key
    self.crlLocation = crlLocation
    keyIdentifier = try certificate.subjectKeyIdentifier ?? KeyIdentifier(of: key.publicKey)
  }
}

extension CertificateAuthority {
  /// Makes a self-signed root CA that may have one level of CAs below it.
  /// - Throws: `TrustError`.
  public static func root(
    named name: DistinguishedName, key: PrivateKey, now: Date, lifetime: Lifetime = .root,
    crlLocation: CRLLocation? = nil
  ) throws -> CertificateAuthority {
    try selfSigned(
      name, key: key, starts: ASN1Time(now - clockSkew), ends: ASN1Time(now + Double(lifetime.seconds)), pathLength: 1,
      crlLocation: crlLocation)
  }

  /// Issues a CA below this one: a project CA when this is a root.
  ///
  /// Also how a CA gets a later end with the same key: name and key stay the same, so everything that the CA ever issued
  /// chains to either certificate.
  /// - Throws: `TrustError.notPermitted` when this CA may have none below it, `.issuerNotValid`, `.cryptographyFailed`.
  public func issueAuthority(
    named name: DistinguishedName, key: PrivateKey, now: Date, lifetime: Lifetime = .project,
    crlLocation: CRLLocation? = nil, serial: SerialNumber? = nil
  ) throws -> CertificateAuthority {
    let issued = try issue(
      to: name, publicKey: key.publicKey, now: now, lifetime: lifetime, serial: serial,
      kind: .authority(pathLength: try roomBelow() - 1))
    return try CertificateAuthority(certificate: issued, key: key, crlLocation: crlLocation)
  }

  /// Issues another certificate to a CA that another root vouches for already, of the same name, key and end: everything
  /// that the CA ever issued chains to either. Its private key isn't needed.
  /// - Throws: `TrustError.notPermitted`, `.issuerNotValid`, `.valueRefused` for a CA that has ended, `.cryptographyFailed`.
  public func vouch(for authority: Certificate, now: Date) throws -> Certificate {
    try issue(
      to: authority.subject, publicKey: authority.publicKey, now: now,
      lifetime: Lifetime(seconds: Int64(authority.notAfter.timeIntervalSince(now))), serial: nil,
      kind: .authority(pathLength: try roomBelow() - 1))
  }

  private func roomBelow() throws -> UInt64 {
    let room = certificate.pathLength ?? 1
    guard room > 0 else {
      throw TrustError.notPermitted(subject: certificate.subject.description, reason: "no CA may stand below it")
    }
    return room
  }

  /// The same CA as a self-signed certificate: what its cloudpipe and its users trust.
  ///
  /// They must not be given the root. OpenVPN accepts every certificate that chains to its `ca` file, and clients send
  /// their own intermediates, so with the root in that file a user of *any* project would get in everywhere. OpenVPN
  /// doesn't take the intermediate alone either, for it looks for a self-signed end of the chain ("unable to get issuer
  /// certificate"). A trust anchor is no more than a name and a key (RFC 5280, §6.1.1, d), and this says it in the form
  /// that all TLS libraries understand. It is valid as long as the certificate that the root issued.
  /// - Throws: `TrustError.cryptographyFailed`.
  public func anchor() throws -> Certificate {
    try Self.selfSigned(
      certificate.subject, key: key, starts: certificate.starts, ends: certificate.ends, pathLength: 0,
      crlLocation: crlLocation
    ).certificate
  }

  private static func selfSigned(
    _ name: DistinguishedName, key: PrivateKey, starts: ASN1Time, ends: ASN1Time, pathLength: UInt64,
    crlLocation: CRLLocation?
  ) throws -> CertificateAuthority {
    let identifier = try KeyIdentifier(of: key.publicKey)
    let template = CertificateTemplate(
      serial: try .random(), issuer: name, subject: name, starts: starts, ends: ends, publicKey: key.publicKey,
      kind: .authority(pathLength: pathLength), subjectKeyIdentifier: identifier, authorityKeyIdentifier: identifier,
      // What would revoke a self-signed certificate is signed by the key that it vouches for: nobody could believe it.
      crlLocation: nil)
    return try CertificateAuthority(certificate: try template.signed(by: key), key: key, crlLocation: crlLocation)
  }
}

extension CertificateAuthority {
  /// Issues a cloudpipe's certificate (serverAuth). Never outlives this CA: see `issueClient`.
  /// - Parameter serial: where it was handed out already; a random one otherwise.
  /// - Throws: `TrustError.issuerNotValid` or `.cryptographyFailed`.
  public func issueServer(
    named name: DistinguishedName, dnsNames: [DNSName], publicKey: PublicKey, now: Date,
    lifetime: Lifetime = .server, serial: SerialNumber? = nil
  ) throws -> Certificate {
    try issue(
      to: name, publicKey: publicKey, now: now, lifetime: lifetime, serial: serial, kind: .server(dnsNames))
  }

  /// Issues a user's certificate (clientAuth).
  ///
  /// It ends with this CA where `lifetime` would carry it further: a certificate that outlives its issuer only looks
  /// valid. Cut rather than refused, so that people are still let in during a CA's last months, which
  /// `TrustHealth` warns about from the last third of its life on.
  /// - Parameter serial: where it was handed out already; a random one otherwise.
  /// - Throws: `TrustError.issuerNotValid` or `.cryptographyFailed`.
  public func issueClient(
    named name: DistinguishedName, publicKey: PublicKey, now: Date, lifetime: Lifetime = .client,
    serial: SerialNumber? = nil
  ) throws -> Certificate {
    try issue(
      to: name, publicKey: publicKey, now: now, lifetime: lifetime, serial: serial, kind: .client)
  }

  /// Issues a user's certificate for the key in a request that the user made. Nothing else of the request is used: name
  /// and extensions of the certificate are decided here.
  /// - Parameters:
  ///   - name: what the certificate will say; its common name is the user whose request this has to be.
  /// - Throws: `TrustError.requestNameMismatch`, `.issuerNotValid` or `.cryptographyFailed`.
  public func issueClient(
    named name: DistinguishedName, for request: SigningRequest, now: Date, lifetime: Lifetime = .client,
    serial: SerialNumber? = nil
  ) throws -> Certificate {
    let (expected, found) = (name.commonName ?? "", request.commonName)
    // Swift compares canonically equivalent texts as equal, which the log of an OpenVPN server doesn't.
    guard expected.utf8.elementsEqual(found.utf8) else {
      throw TrustError.requestNameMismatch(expected: expected, found: found)
    }
    return try issueClient(named: name, publicKey: request.publicKey, now: now, lifetime: lifetime, serial: serial)
  }

  private func issue(
    to subject: DistinguishedName, publicKey: PublicKey, now: Date, lifetime: Lifetime, serial: SerialNumber?,
    kind: CertificateKind
  ) throws -> Certificate {
    let present = try ASN1Time(now)
    try checkValid(at: present)
    let wanted = try ASN1Time(now + Double(lifetime.seconds))
    let template = CertificateTemplate(
      serial: try serial ?? .random(), issuer: certificate.subject, subject: subject,
      starts: max(try ASN1Time(now - Self.clockSkew), certificate.starts), ends: min(wanted, certificate.ends),
      publicKey: publicKey, kind: kind, subjectKeyIdentifier: try KeyIdentifier(of: publicKey),
      authorityKeyIdentifier: keyIdentifier, crlLocation: crlLocation)
    return try template.signed(by: key)
  }

  /// - Throws: `TrustError.issuerNotValid` when the CA is expired or not valid yet.
  func checkValid(at moment: ASN1Time) throws {
    let subject = certificate.subject.description
    guard certificate.starts <= moment else {
      throw TrustError.issuerNotValid(subject: subject, reason: "it is not valid yet")
    }
    guard moment < certificate.ends else { throw TrustError.issuerNotValid(subject: subject, reason: "it is expired") }
  }
}
