/// The name of a certificate's subject or issuer (RFC 5280, §4.1.2.4). Two names are equal when they are encoded alike,
/// which is how chains of certificates made here are told to fit.
public struct DistinguishedName: Hashable, Sendable {
  /// The encoded Name.
  public let der: [UInt8]
  /// The common name; nil only in certificates of others.
  public let commonName: String?
  /// The organization.
  public let organization: String?
  /// The organizational unit.
  public let organizationalUnit: String?

  /// A name of one to three parts, each of 1 to 64 characters (ub-common-name and its kin, RFC 5280, appendix A.1) and
  /// none of them a control character.
  /// - Throws: `TrustError.valueRefused`.
  public init(commonName: String, organization: String? = nil, organizationalUnit: String? = nil) throws {
    let parts: [(OID, String, String?)] = [
      (.organization, "organization", organization),
      (.organizationalUnit, "organizational unit", organizationalUnit),
      (.commonName, "common name", commonName),
    ]
    for case (_, let field, let text?) in parts { try Self.check(text, field) }
    der = DERWriter.encode(capacity: 128) { writer in
      writer.sequence { writer in
        for case (let oid, _, let text?) in parts {
          writer.set {
            $0.sequence { writer in
              writer.oid(oid)
              writer.utf8String(text)
            }
          }
        }
      }
    }
    self.commonName = commonName
    self.organization = organization
    self.organizationalUnit = organizationalUnit
  }

  private static func check(_ text: String, _ field: String) throws {
    guard (1...64).contains(text.unicodeScalars.count) else {
      throw TrustError.valueRefused(field: field, reason: "it has not 1 to 64 characters")
    }
    let bad: Set<Unicode.GeneralCategory> = [.control, .format, .lineSeparator, .paragraphSeparator, .surrogate]
    guard !text.unicodeScalars.contains(where: { bad.contains($0.properties.generalCategory) }) else {
      throw TrustError.valueRefused(field: field, reason: "it has invisible characters in it")
    }
  }
}

extension DistinguishedName: CustomStringConvertible {
  /// For people, the common name last: `O=acme, CN=alice`.
  public var description: String {
    let parts = [("O", organization), ("OU", organizationalUnit), ("CN", commonName)]
    let text = parts.compactMap { label, value in value.map { "\(label)=\($0)" } }.joined(separator: ", ")
    return text.isEmpty ? "a name without a common name" : text
  }
}

extension DistinguishedName {
  /// Reads any Name; attributes other than the three are kept in `der` only.
  static func read(from reader: inout DERReader) throws -> DistinguishedName {
    let name = try reader.read(DERTag.sequence)
    var (commonName, organization, unit): (String?, String?, String?)
    // With two common names, readers differ in which one they take.
    func take(_ text: String, as part: inout String?) throws {
      guard part == nil else { throw DERError(reason: "a part of its name is there twice") }
      part = text
    }
    var relatives = name.reader
    while !relatives.isAtEnd {
      var attributes = try relatives.read(DERTag.set).reader
      while !attributes.isAtEnd {
        var attribute = try attributes.read(DERTag.sequence).reader
        let oid = try attribute.oid()
        let value = try attribute.next()
        try attribute.end()
        switch oid {
        case .commonName: try take(text(value), as: &commonName)
        case .organization: try take(text(value), as: &organization)
        case .organizationalUnit: try take(text(value), as: &unit)
        default: break
        }
      }
    }
    return DistinguishedName(
      der: Array(name.encoded), commonName: commonName, organization: organization, organizationalUnit: unit)
  }

  private static func text(_ value: DERValue) throws -> String {
    let readable = [DERTag.utf8String, DERTag.printableString, DERTag.ia5String].contains(value.tag)
    guard readable, let text = String(validating: value.content, as: UTF8.self), !text.utf8.contains(0) else {
      throw DERError(reason: "a part of its name is not readable text")
    }
    return text
  }

  private init(der: [UInt8], commonName: String?, organization: String?, organizationalUnit: String?) {
    self.der = der
    self.commonName = commonName
    self.organization = organization
    self.organizationalUnit = organizationalUnit
  }
}
