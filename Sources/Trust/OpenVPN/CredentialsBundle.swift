/// A user's credentials as single files, for clients that want them so: profile, certificate, key, CA certificate and
/// tls-crypt-v2 key.
public struct CredentialsBundle: Sendable {
  /// In the order in which they belong into an archive.
  public let files: [File]

  public struct File: Sendable {
    /// Without a folder.
    public let name: String
    public let contents: Secret
    /// Whether only its owner may read it (mode 0600 rather than 0644).
    public let isPrivate: Bool
  }

  /// - Parameter stem: begins the names of the user's own files, as in `alice.ovpn`.
  /// - Throws: `TrustError.valueRefused` for a stem that isn't fit for a file name, `.cryptographyFailed`.
  public init(_ profile: Profile, stem: String) throws {
    try ConfigWord.check(stem, field: "file name")
    var files = [
      File(name: "\(stem).ovpn", contents: try profile.render(), isPrivate: true),
      File(name: "ca.crt", contents: Secret(utf8: profile.authorities.map(\.pem).joined()), isPrivate: false),
      File(name: "\(stem).crt", contents: Secret(utf8: profile.certificate.pem), isPrivate: false),
    ]
    if case .inline(let key) = profile.key {
      files.append(File(name: "\(stem).key", contents: try key.pem(), isPrivate: true))
    }
    files.append(File(name: "\(stem).tls-crypt-v2.key", contents: profile.tlsCrypt.pem, isPrivate: true))
    self.files = files
  }
}
