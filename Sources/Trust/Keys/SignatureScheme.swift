/// How certificates, CRLs and requests are signed: the algorithm identifiers that are accepted, SHA-1 not among them.
enum SignatureScheme: CaseIterable {
  case ecdsaSHA256, ecdsaSHA384, ecdsaSHA512, ed25519, rsaSHA256, rsaSHA384, rsaSHA512

  /// The one that a key of this kind signs with here.
  init(for algorithm: PublicKeyAlgorithm) {
    switch algorithm {
    case .p256: self = .ecdsaSHA256
    case .p384: self = .ecdsaSHA384
    case .ed25519: self = .ed25519
    case .rsa: self = .rsaSHA256
    }
  }

  /// Bits of the digest that is signed, 0 where the algorithm takes the message itself.
  var digestBits: CInt {
    switch self {
    case .ecdsaSHA256, .rsaSHA256: 256
    case .ecdsaSHA384, .rsaSHA384: 384
    case .ecdsaSHA512, .rsaSHA512: 512
    case .ed25519: 0
    }
  }

  /// Whether keys of this kind can make such signatures.
  func suits(_ algorithm: PublicKeyAlgorithm) -> Bool {
    switch (self, algorithm) {
    case (.ecdsaSHA256, .p256), (.ecdsaSHA384, .p256), (.ecdsaSHA512, .p256): true
    case (.ecdsaSHA256, .p384), (.ecdsaSHA384, .p384), (.ecdsaSHA512, .p384): true
    case (.ed25519, .ed25519): true
    case (.rsaSHA256, .rsa), (.rsaSHA384, .rsa), (.rsaSHA512, .rsa): true
    default: false
    }
  }

  private var isRSA: Bool { self == .rsaSHA256 || self == .rsaSHA384 || self == .rsaSHA512 }

  private var oid: OID {
    switch self {
    case .ecdsaSHA256: .ecdsaWithSHA256
    case .ecdsaSHA384: .ecdsaWithSHA384
    case .ecdsaSHA512: .ecdsaWithSHA512
    case .ed25519: .ed25519
    case .rsaSHA256: .sha256WithRSA
    case .rsaSHA384: .sha384WithRSA
    case .rsaSHA512: .sha512WithRSA
    }
  }

  /// The AlgorithmIdentifier: RSA has a NULL for parameters (RFC 4055, §5), the others none (RFC 5758, RFC 8410).
  func write(to writer: inout DERWriter) {
    writer.sequence { writer in
      writer.oid(oid)
      if isRSA { writer.value(DERTag.null, []) }
    }
  }

  /// Reads an AlgorithmIdentifier.
  static func read(from reader: inout DERReader) throws -> SignatureScheme {
    var identifier = try reader.read(DERTag.sequence).reader
    let oid = try identifier.oid()
    guard let scheme = allCases.first(where: { $0.oid == oid }) else {
      throw DERError(reason: "it is signed with an algorithm that isn't accepted")
    }
    if scheme.isRSA { try identifier.read(DERTag.null) }
    try identifier.end()
    return scheme
  }
}

/// The frame that certificates, CRLs and requests share: what is signed, how, and the signature (RFC 5280, §4.1.1).
struct SignedDocument {
  /// The encoded part that the signature covers.
  let signed: ArraySlice<UInt8>
  let scheme: SignatureScheme
  let signature: ArraySlice<UInt8>

  init(der: [UInt8]) throws {
    var outer = try DERReader.document(der)
    signed = try outer.read(DERTag.sequence).encoded
    scheme = try SignatureScheme.read(from: &outer)
    signature = try outer.bitString()
    try outer.end()
  }

  /// Reads the parts of what is signed.
  var content: DERReader {
    get throws {
      var reader = DERReader(signed)
      return try reader.read(DERTag.sequence).reader
    }
  }

  func isSigned(by key: PublicKey) throws -> Bool { try key.verifies(signature, over: signed, by: scheme) }

  /// Signs and frames.
  static func der(signing content: [UInt8], with key: PrivateKey) throws -> [UInt8] {
    let signature = try key.sign(content)
    return DERWriter.encode(capacity: content.count + signature.count + 40) { writer in
      writer.sequence { writer in
        writer.raw(content)
        key.scheme.write(to: &writer)
        writer.bitString(signature)
      }
    }
  }
}
