public import Foundation

extension CertificateAuthority {
  /// Makes and signs this CA's next revocation list.
  ///
  /// The list may outlive the CA's certificate by days; checks of the certificate end that, not the list.
  /// - Parameters:
  ///   - number: above that of every earlier list of this CA.
  ///   - revocations: written in this order, so that the same ones give the same list.
  ///   - lifetime: until `nextUpdate`, from which on OpenVPN refuses everybody.
  /// - Throws: `TrustError.issuerNotValid` when the CA itself is expired, `.valueRefused` for a moment that can't be
  ///   written, `.cryptographyFailed`.
  public func revocationList(
    number: UInt64, revocations: [Revocation], now: Date, lifetime: Lifetime = .revocationList
  ) throws -> CertificateRevocationList {
    let updated = try ASN1Time(now)
    try checkValid(at: updated)
    return try revocationList(
      number: number, revocations: revocations, updated: updated, expires: ASN1Time(now + Double(lifetime.seconds)))
  }

  private func revocationList(number: UInt64, revocations: [Revocation], updated: ASN1Time, expires: ASN1Time) throws
    -> CertificateRevocationList
  {
    // 60 octets cover an entry with its reason; the list is then written without moving.
    let content = try DERWriter.encode(capacity: 512 + revocations.count * 60) { writer in
      try writer.sequence { writer in
        writer.integer(1)
        key.scheme.write(to: &writer)
        writer.raw(certificate.subject.der)
        updated.write(to: &writer)
        expires.write(to: &writer)
        // An empty list has to be left out (RFC 5280, §5.1.2.6).
        if !revocations.isEmpty {
          try writer.sequence { writer in
            for revocation in revocations { try revocation.write(to: &writer) }
          }
        }
        writer.value(DERTag.contextConstructed(0)) { writer in
          writer.sequence { writer in
            CertificateExtension.authorityKeyIdentifier(keyIdentifier).write(to: &writer)
            CertificateExtension.crlNumber(number).write(to: &writer)
          }
        }
      }
    }
    return try CertificateRevocationList(der: try SignedDocument.der(signing: content, with: key))
  }
}

extension Revocation {
  fileprivate func write(to writer: inout DERWriter) throws {
    let moment = try ASN1Time(revokedAt)
    writer.sequence { writer in
      writer.unsignedInteger(serial.octets)
      moment.write(to: &writer)
      // `unspecified` should be left out rather than written (RFC 5280, §5.3.1).
      guard reason != .unspecified else { return }
      writer.sequence { writer in
        writer.sequence { writer in
          writer.oid(.reasonCode)
          writer.value(DERTag.octetString) { $0.value(DERTag.enumerated, [reason.code]) }
        }
      }
    }
  }
}
