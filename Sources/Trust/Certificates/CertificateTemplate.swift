/// Everything that goes into a certificate, before it is signed.
struct CertificateTemplate {
  let serial: SerialNumber
  let issuer: DistinguishedName
  let subject: DistinguishedName
  let starts: ASN1Time
  let ends: ASN1Time
  let publicKey: PublicKey
  let extensions: [CertificateExtension]

  /// The certificate, signed by `key`.
  func signed(by key: PrivateKey) throws -> Certificate {
    let content = DERWriter.encode(capacity: 1024) { writer in
      writer.sequence { writer in
        writer.value(DERTag.contextConstructed(0)) { $0.integer(2) }
        writer.unsignedInteger(serial.octets)
        key.scheme.write(to: &writer)
        writer.raw(issuer.der)
        writer.sequence { writer in
          starts.write(to: &writer)
          ends.write(to: &writer)
        }
        writer.raw(subject.der)
        writer.raw(publicKey.spki)
        writer.value(DERTag.contextConstructed(3)) { writer in
          writer.sequence { writer in
            for item in extensions { item.write(to: &writer) }
          }
        }
      }
    }
    return try Certificate(der: try SignedDocument.der(signing: content, with: key))
  }
}
