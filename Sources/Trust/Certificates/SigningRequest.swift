/// A PKCS#10 certificate signing request (RFC 2986) that a user made, so that the private key never leaves their machine.
/// Having one means that its signature was checked and its key is of an accepted kind. Only its key and its common name
/// are ever looked at.
public struct SigningRequest: Sendable {
  /// The key that its maker proved to hold.
  public let publicKey: PublicKey
  /// Whom the request says that it is for.
  public let commonName: String

  /// The most bytes that are read: RSA-8192 with a long list of unused attributes stays far below.
  public static let largest = 64 * 1024

  /// Reads and checks a PEM text, `BEGIN CERTIFICATE REQUEST` (or the older `NEW CERTIFICATE REQUEST`).
  /// - Throws: `TrustError.malformed`, `.keyRefused`, or `.requestNotSelfSigned`.
  public init(pem: String) throws {
    guard pem.utf8.count <= 2 * Self.largest else {
      throw TrustError.malformed(.signingRequest, reason: "it is too large")
    }
    let label = pem.contains("BEGIN NEW CERTIFICATE REQUEST") ? "NEW CERTIFICATE REQUEST" : "CERTIFICATE REQUEST"
    try self.init(der: try PEM.single(label, in: pem, as: .signingRequest))
  }

  /// Reads and checks DER.
  /// - Throws: as for PEM.
  public init(der: [UInt8]) throws {
    guard der.count <= Self.largest else { throw TrustError.malformed(.signingRequest, reason: "it is too large") }
    let document = try parsing(.signingRequest) { try SignedDocument(der: der) }
    (publicKey, commonName) = try parsing(.signingRequest) {
      var fields = try document.content
      guard try fields.integer() == 0 else { throw DERError(reason: "it is of an unknown version") }
      let subject = try DistinguishedName.read(from: &fields)
      let publicKey = try PublicKey(spki: Array(try fields.read(DERTag.sequence).encoded))
      try fields.readIfPresent(DERTag.contextConstructed(0))
      try fields.end()
      guard let commonName = subject.commonName else { throw DERError(reason: "it has no common name") }
      return (publicKey, commonName)
    }
    guard try document.isSigned(by: publicKey) else { throw TrustError.requestNotSelfSigned }
  }
}
