/// Writes the distinguished encoding rules of ASN.1 (X.690) into one growing buffer.
///
/// Written here rather than built through libcrypto's object model, because issuing is then one pass over a few hundred
/// bytes and one signature; see docs/trust.md for the figures.
struct DERWriter {
  private(set) var bytes: [UInt8] = []

  init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  /// What `body` writes.
  static func encode(capacity: Int = 0, _ body: (inout DERWriter) throws -> Void) rethrows -> [UInt8] {
    var writer = DERWriter(capacity: capacity)
    try body(&writer)
    return writer.bytes
  }

  /// Bytes that are encoded already.
  mutating func raw(_ encoded: some Collection<UInt8>) { bytes.append(contentsOf: encoded) }

  /// A value of any kind: its tag, its length, and the content that `body` writes.
  mutating func value(_ tag: UInt8, _ body: (inout DERWriter) throws -> Void) rethrows {
    bytes.append(tag)
    let lengthAt = bytes.count
    bytes.append(0)
    try body(&self)
    let length = bytes.count - lengthAt - 1
    if length < 0x80 {
      bytes[lengthAt] = UInt8(length)
    } else {
      // The long form is known to be needed only now: move the content up by the octets of the length.
      let octets = Self.bigEndian(UInt64(length))
      bytes[lengthAt] = 0x80 | UInt8(octets.count)
      bytes.insert(contentsOf: octets, at: lengthAt + 1)
    }
  }

  /// A value whose content is at hand.
  mutating func value(_ tag: UInt8, _ content: some Collection<UInt8>) {
    value(tag) { $0.bytes.append(contentsOf: content) }
  }

  mutating func sequence(_ body: (inout DERWriter) throws -> Void) rethrows { try value(DERTag.sequence, body) }

  mutating func set(_ body: (inout DERWriter) throws -> Void) rethrows { try value(DERTag.set, body) }

  mutating func boolean(_ truth: Bool) { value(DERTag.boolean, [truth ? 0xff : 0x00]) }

  mutating func oid(_ oid: OID) { value(DERTag.oid, oid.content) }

  /// A non-negative INTEGER.
  mutating func integer(_ number: UInt64) { unsignedInteger(Self.bigEndian(number)) }

  /// A non-negative INTEGER from its big-endian octets, which may have leading zeros.
  mutating func unsignedInteger(_ octets: some Collection<UInt8>) {
    value(DERTag.integer) { writer in
      let digits = octets.drop { $0 == 0 }
      // A set top bit would make it negative.
      if (digits.first ?? 0x80) >= 0x80 { writer.bytes.append(0) }
      writer.bytes.append(contentsOf: digits)
    }
  }

  mutating func utf8String(_ text: String) { value(DERTag.utf8String, text.utf8) }

  /// A BIT STRING of whole octets.
  mutating func bitString(_ octets: some Collection<UInt8>) {
    value(DERTag.bitString) { writer in
      writer.bytes.append(0)
      writer.bytes.append(contentsOf: octets)
    }
  }

  /// The octets of a number without leading zeros; none for zero.
  private static func bigEndian(_ number: UInt64) -> [UInt8] {
    (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }.drop { $0 == 0 }.map(\.self)
  }
}

/// The tags that X.509 uses (X.680, §8.4).
enum DERTag {
  static let boolean: UInt8 = 0x01
  static let integer: UInt8 = 0x02
  static let bitString: UInt8 = 0x03
  static let octetString: UInt8 = 0x04
  static let null: UInt8 = 0x05
  static let oid: UInt8 = 0x06
  static let enumerated: UInt8 = 0x0a
  static let utf8String: UInt8 = 0x0c
  static let printableString: UInt8 = 0x13
  static let ia5String: UInt8 = 0x16
  static let utcTime: UInt8 = 0x17
  static let generalizedTime: UInt8 = 0x18
  static let sequence: UInt8 = 0x30
  static let set: UInt8 = 0x31

  /// `[number]` of a context, with primitive content.
  static func context(_ number: UInt8) -> UInt8 { 0x80 | number }
  /// `[number]` of a context, around other values.
  static func contextConstructed(_ number: UInt8) -> UInt8 { 0xa0 | number }
}
