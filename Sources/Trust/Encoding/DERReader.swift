/// Why bytes are not the DER that was expected. Turned into a `TrustError` about a document where the document is known.
struct DERError: Error {
  let reason: String
}

/// One value: its tag, its content, and both with the length between them, as slices of what was read.
struct DERValue {
  let tag: UInt8
  let content: ArraySlice<UInt8>
  let encoded: ArraySlice<UInt8>

  /// Reads the values inside of this one.
  var reader: DERReader { DERReader(content) }
}

/// Reads the distinguished encoding rules of ASN.1 (X.690) from outside bytes. Every step is checked against what is left;
/// indefinite and non-minimal lengths and multi-octet tags, which DER or X.509 don't have, are refused.
struct DERReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// Reads a document that is one SEQUENCE and nothing after it.
  static func document(_ bytes: [UInt8]) throws -> DERReader {
    var outer = DERReader(bytes[...])
    let sequence = try outer.read(DERTag.sequence)
    try outer.end()
    return sequence.reader
  }

  var isAtEnd: Bool { rest.isEmpty }
  var nextTag: UInt8? { rest.first }

  /// - Throws: `DERError` when bytes are left.
  func end() throws {
    guard isAtEnd else { throw DERError(reason: "\(rest.count) unexpected bytes follow") }
  }

  /// The next value, whatever it is.
  mutating func next() throws -> DERValue {
    let whole = rest
    guard let tag = rest.popFirst(), let first = rest.popFirst() else { throw DERError(reason: "it ends too early") }
    guard tag & 0x1f != 0x1f else { throw DERError(reason: "a tag has a form that X.509 doesn't use") }
    var length = Int(first)
    if first >= 0x80 {
      let octets = Int(first & 0x7f)
      guard (1...4).contains(octets), octets <= rest.count else { throw DERError(reason: "a length is unusable") }
      length = rest.prefix(octets).reduce(0) { $0 << 8 | Int($1) }
      guard length >= 0x80, rest.first != 0 else { throw DERError(reason: "a length is not in its shortest form") }
      rest = rest.dropFirst(octets)
    }
    guard length <= rest.count else { throw DERError(reason: "it ends too early") }
    let content = rest.prefix(length)
    rest = rest.dropFirst(length)
    return DERValue(tag: tag, content: content, encoded: whole[whole.startIndex..<content.endIndex])
  }

  /// The next value, which has to have this tag.
  @discardableResult
  mutating func read(_ tag: UInt8) throws -> DERValue {
    let value = try next()
    guard value.tag == tag else { throw DERError(reason: "tag \(value.tag) stands where tag \(tag) belongs") }
    return value
  }

  /// The next value if it has this tag, for OPTIONAL and DEFAULT ones.
  @discardableResult
  mutating func readIfPresent(_ tag: UInt8) throws -> DERValue? {
    nextTag == tag ? try read(tag) : nil
  }

  mutating func oid() throws -> OID { OID(content: Array(try read(DERTag.oid).content)) }

  mutating func boolean() throws -> Bool {
    switch Array(try read(DERTag.boolean).content) {
    case [0x00]: false
    case [0xff]: true
    default: throw DERError(reason: "a BOOLEAN is neither true nor false")
    }
  }

  /// The content of an INTEGER: at least one octet, and no more than needed.
  mutating func integerContent() throws -> ArraySlice<UInt8> {
    let content = try read(DERTag.integer).content
    guard let first = content.first else { throw DERError(reason: "an INTEGER is empty") }
    if let second = content.dropFirst().first, first == 0 && second < 0x80 || first == 0xff && second >= 0x80 {
      throw DERError(reason: "an INTEGER is not in its shortest form")
    }
    return content
  }

  /// A non-negative INTEGER below 2⁶⁴.
  mutating func integer() throws -> UInt64 {
    let content = try integerContent()
    guard let first = content.first, first < 0x80 else { throw DERError(reason: "an INTEGER is negative") }
    let digits = content.drop { $0 == 0 }
    guard digits.count <= 8 else { throw DERError(reason: "an INTEGER is too large") }
    return digits.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A BIT STRING of whole octets.
  mutating func bitString() throws -> ArraySlice<UInt8> {
    let content = try read(DERTag.bitString).content
    guard content.first == 0 else { throw DERError(reason: "a BIT STRING is not of whole octets") }
    return content.dropFirst()
  }
}

/// Runs a parser and says which document its complaint is about.
func parsing<Result>(_ document: Document, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as DERError {
    throw TrustError.malformed(document, reason: error.reason)
  }
}
