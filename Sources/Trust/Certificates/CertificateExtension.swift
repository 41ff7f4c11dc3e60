/// An extension of a certificate or CRL (RFC 5280, §4.2 and §5.2): its identifier and its encoded value.
struct CertificateExtension {
  let oid: OID
  let critical: Bool
  /// What goes into the OCTET STRING.
  let value: [UInt8]

  func write(to writer: inout DERWriter) {
    writer.sequence { writer in
      writer.oid(oid)
      if critical { writer.boolean(true) }
      writer.value(DERTag.octetString, value)
    }
  }
}

extension CertificateExtension {
  /// A CA's, with the number of CAs that may follow below it; nil for a certificate that is none.
  static func basicConstraints(pathLength: UInt64?) -> Self {
    Self(
      oid: .basicConstraints, critical: true,
      value: DERWriter.encode { writer in
        writer.sequence { writer in
          guard let pathLength else { return }
          writer.boolean(true)
          writer.integer(pathLength)
        }
      })
  }

  static func keyUsage(_ usage: KeyUsage) -> Self {
    Self(oid: .keyUsage, critical: true, value: DERWriter.encode { $0.value(DERTag.bitString, usage.content) })
  }

  static func extendedKeyUsage(_ purpose: OID) -> Self {
    Self(oid: .extendedKeyUsage, critical: false, value: DERWriter.encode { $0.sequence { $0.oid(purpose) } })
  }

  static func subjectKeyIdentifier(_ identifier: KeyIdentifier) -> Self {
    Self(
      oid: .subjectKeyIdentifier, critical: false,
      value: DERWriter.encode { $0.value(DERTag.octetString, identifier.bytes) })
  }

  static func authorityKeyIdentifier(_ identifier: KeyIdentifier) -> Self {
    Self(
      oid: .authorityKeyIdentifier, critical: false,
      value: DERWriter.encode { $0.sequence { $0.value(DERTag.context(0), identifier.bytes) } })
  }

  static func subjectAlternativeName(_ names: [DNSName]) -> Self {
    Self(
      oid: .subjectAlternativeName, critical: false,
      value: DERWriter.encode { writer in
        writer.sequence { writer in
          for name in names { writer.value(DERTag.context(2), name.description.utf8) }
        }
      })
  }

  /// One DistributionPoint whose fullName is one URI (RFC 5280, §4.2.1.13).
  static func crlDistributionPoint(_ location: CRLLocation) -> Self {
    Self(
      oid: .crlDistributionPoints, critical: false,
      value: DERWriter.encode { writer in
        writer.sequence { writer in
          writer.sequence { writer in
            writer.value(DERTag.contextConstructed(0)) { writer in
              writer.value(DERTag.contextConstructed(0)) { $0.value(DERTag.context(6), location.uri.utf8) }
            }
          }
        }
      })
  }

  static func crlNumber(_ number: UInt64) -> Self {
    Self(oid: .crlNumber, critical: false, value: DERWriter.encode { $0.integer(number) })
  }
}

/// What a key in a certificate may be used for (RFC 5280, §4.2.1.3); only the bits that are used or checked here.
struct KeyUsage: OptionSet, Sendable {
  /// Bit 0 of the BIT STRING is the top bit.
  let rawValue: UInt8
  static let digitalSignature = KeyUsage(rawValue: 0x80)
  static let keyCertSign = KeyUsage(rawValue: 0x04)
  static let crlSign = KeyUsage(rawValue: 0x02)

  /// Content of the BIT STRING: the count of unused bits, then the bits without trailing zeros (X.690, §11.2.2).
  var content: [UInt8] { [UInt8(rawValue.trailingZeroBitCount), rawValue] }

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// From the content of a BIT STRING; a second octet holds a bit that is of no interest here.
  init(content: ArraySlice<UInt8>) throws {
    guard content.count >= 2, let bits = content.dropFirst().first else {
      throw DERError(reason: "a key usage is empty")
    }
    rawValue = bits
  }
}

/// The extensions of one certificate, CRL or CRL entry, each at most once.
struct ExtensionSet {
  // A handful at most, so that looking through them beats hashing them.
  private var items: [(oid: OID, critical: Bool, value: ArraySlice<UInt8>)] = []

  init() {}

  /// Reads a SEQUENCE of extensions.
  init(_ sequence: DERValue) throws {
    var reader = sequence.reader
    while !reader.isAtEnd {
      var item = try reader.read(DERTag.sequence).reader
      let oid = try item.oid()
      let critical = item.nextTag == DERTag.boolean ? try item.boolean() : false
      let value = try item.read(DERTag.octetString).content
      try item.end()
      guard items.count < 64, !items.contains(where: { $0.oid == oid }) else {
        throw DERError(reason: "an extension is there twice, or there are too many")
      }
      items.append((oid, critical, value))
    }
  }

  /// A reader of this extension's value, nil when it isn't there.
  func reader(_ oid: OID) -> DERReader? { items.first { $0.oid == oid }.map { DERReader($0.value) } }

  /// - Throws: `DERError` for a critical extension outside of `known`, which RFC 5280, §4.2 says to reject.
  func refuseUnknownCritical(known: Set<OID>) throws {
    guard !items.contains(where: { $0.critical && !known.contains($0.oid) }) else {
      throw DERError(reason: "it has a critical extension that isn't known here")
    }
  }

  func subjectKeyIdentifier() throws -> KeyIdentifier? {
    guard var reader = reader(.subjectKeyIdentifier) else { return nil }
    return KeyIdentifier(bytes: Array(try reader.read(DERTag.octetString).content))
  }

  func authorityKeyIdentifier() throws -> KeyIdentifier? {
    guard var reader = reader(.authorityKeyIdentifier) else { return nil }
    var parts = try reader.read(DERTag.sequence).reader
    return try parts.readIfPresent(DERTag.context(0)).map { KeyIdentifier(bytes: Array($0.content)) }
  }
}
