/// What a certificate is for, which decides most of its extensions.
enum CertificateKind {
  /// A CA with so many levels of CAs below it.
  case authority(pathLength: UInt64)
  /// A cloudpipe, with host names for clients that look at them.
  case server([DNSName])
  /// A user.
  case client
}

/// Everything that goes into a certificate, before it is signed.
struct CertificateTemplate {
  let serial: SerialNumber
  let issuer: DistinguishedName
  let subject: DistinguishedName
  let starts: ASN1Time
  let ends: ASN1Time
  let publicKey: PublicKey
  let kind: CertificateKind
  let subjectKeyIdentifier: KeyIdentifier
  let authorityKeyIdentifier: KeyIdentifier
  let crlLocation: CRLLocation?

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
    return Certificate(der: try SignedDocument.der(signing: content, with: key), template: self)
  }

  private var extensions: [CertificateExtension] {
    var extensions: [CertificateExtension] = [
      .basicConstraints(pathLength: kind.pathLength), .keyUsage(kind.keyUsage),
      .subjectKeyIdentifier(subjectKeyIdentifier), .authorityKeyIdentifier(authorityKeyIdentifier),
    ]
    switch kind {
    case .authority: break
    case .client: extensions.append(.extendedKeyUsage(.clientAuthentication))
    case .server(let names):
      extensions.append(.extendedKeyUsage(.serverAuthentication))
      if !names.isEmpty { extensions.append(.subjectAlternativeName(names)) }
    }
    if let crlLocation { extensions.append(.crlDistributionPoint(crlLocation)) }
    return extensions
  }
}

extension CertificateKind {
  fileprivate var pathLength: UInt64? {
    if case .authority(let length) = self { length } else { nil }
  }

  fileprivate var keyUsage: KeyUsage {
    if case .authority = self { [.keyCertSign, .crlSign] } else { .digitalSignature }
  }

  fileprivate var purposes: Set<Certificate.Purpose> {
    switch self {
    case .authority: []
    case .server: [.serverAuthentication]
    case .client: [.clientAuthentication]
    }
  }

  fileprivate var dnsNames: [String] {
    if case .server(let names) = self { names.map(\.description) } else { [] }
  }
}

extension Certificate {
  /// What was just signed. Reading it back would cost a third of the signature's time and tell nothing new.
  fileprivate init(der: [UInt8], template: CertificateTemplate) {
    self.der = der
    serial = template.serial
    subject = template.subject
    issuer = template.issuer
    publicKey = template.publicKey
    starts = template.starts
    ends = template.ends
    subjectKeyIdentifier = template.subjectKeyIdentifier
    authorityKeyIdentifier = template.authorityKeyIdentifier
    isAuthority = template.kind.pathLength != nil
    pathLength = template.kind.pathLength
    keyUsage = template.kind.keyUsage
    purposes = template.kind.purposes
    dnsNames = template.kind.dnsNames
  }
}
