/// A project CA in the two forms that are stored and handed out: the intermediate that the root signed, with its key, and
/// the anchor that the project's cloudpipe and users trust.
public struct ProjectAuthority: Sendable {
  /// Issues, signs CRLs, and chains to the root.
  public let authority: CertificateAuthority
  /// The same name and key, self-signed; see `CertificateAuthority.anchor()`. Stored rather than made again, since two
  /// signatures over the same bytes differ and payloads have to be the same for the same inputs.
  public let anchor: Certificate

  /// Makes a project CA below `root`.
  /// - Throws: `TrustError`.
  public init(_ authority: CertificateAuthority) throws {
    try self.init(authority, anchor: try authority.anchor())
  }

  /// Puts together what was stored.
  /// - Throws: `TrustError.notIssuedBy` when the anchor is another CA's.
  public init(_ authority: CertificateAuthority, anchor: Certificate) throws {
    try anchor.checkIssued(by: authority.certificate)
    guard anchor.subject == authority.certificate.subject, anchor.publicKey == authority.key.publicKey else {
      throw TrustError.keyMismatch(subject: anchor.subject.description)
    }
    self.authority = authority
    self.anchor = anchor
  }

  /// The name of a project's CA: `O=acme, CN=acme CA`, and `CN=acme CA 2` for its second generation.
  ///
  /// Each generation has a name of its own (as RFC 6489, §2 asks for too): an OpenVPN server refuses to start with two CAs
  /// of one name in its `ca` file ("only 1 of 2 entries were valid X509 names").
  ///
  /// A common name has 64 characters at most; a longer project's name is cut in it, and whole in the organization.
  /// - Throws: `TrustError.valueRefused` for a name that no certificate can hold.
  public static func name(project: String, generation: Int = 1) throws -> DistinguishedName {
    try DistinguishedName(commonName: commonName(project: project, generation: generation), organization: project)
  }

  /// The common name in it.
  public static func commonName(project: String, generation: Int = 1) -> String {
    let suffix = " CA" + (generation > 1 ? " \(generation)" : "")
    return project.prefix(64 - suffix.count) + suffix
  }
}
