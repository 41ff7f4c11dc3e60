/// What one user's OpenVPN client needs, and the one file that says it.
public struct Profile: Sendable {
  /// What to connect to, tried in this order.
  public let remotes: [Remote]
  public let device: Device
  /// The common name of the cloudpipe's certificate, which the client insists on.
  public let serverName: String
  /// The anchors of the project: `ProjectTrust.bundle`.
  public let authorities: [Certificate]
  /// The user's.
  public let certificate: Certificate
  public let key: Key
  public let tlsCrypt: TLSCryptClientKey

  public enum Device: String, Sendable, CaseIterable {
    /// Routed.
    case tun
    /// Bridged into the project's network. OpenVPN 3, and so every mobile client, can't do this.
    case tap
  }

  /// The user's private key.
  public enum Key: Sendable {
    /// Made here, and part of the profile.
    case inline(PrivateKey)
    /// Never left the user's machine: the name of its file, which the user puts beside the profile.
    case file(String)
  }

  /// - Throws: `TrustError.valueRefused` for a value that can't stand in a configuration line or is missing,
  ///   `.keyMismatch` when the key isn't the certificate's, `.notIssuedBy` when no authority issued the certificate.
  public init(
    remotes: [Remote], device: Device, serverName: String, authorities: [Certificate], certificate: Certificate,
    key: Key, tlsCrypt: TLSCryptClientKey
  ) throws {
    try Self.check(remotes: remotes, serverName: serverName)
    switch key {
    case .inline(let key):
      guard key.publicKey == certificate.publicKey else {
        throw TrustError.keyMismatch(subject: certificate.subject.description)
      }
    case .file(let name): try ConfigWord.check(name, field: "key file name")
    }
    // A profile whose own CAs don't vouch for it can't connect; its user would see no more than silence.
    guard let issuer = authorities.first(where: { $0.subject == certificate.issuer }) else {
      throw TrustError.notIssuedBy(
        .certificate, issuer: authorities.first?.subject.description ?? "nobody", reason: "it names another issuer")
    }
    try certificate.checkIssued(by: issuer)
    self.remotes = remotes
    self.device = device
    self.serverName = serverName
    self.authorities = authorities
    self.certificate = certificate
    self.key = key
    self.tlsCrypt = tlsCrypt
  }
}

extension Profile {
  /// Whether a profile can say these, before anything is issued for it.
  ///
  /// - Throws: `TrustError.valueRefused`.
  public static func check(remotes: [Remote], serverName: String) throws {
    guard (1...64).contains(remotes.count) else {
      throw TrustError.valueRefused(field: "remote", reason: "there has to be one, and at most 64")
    }
    try ConfigWord.check(serverName, field: "server name")
  }

  /// The `.ovpn` text, for OpenVPN 2.5 to 2.7, OpenVPN 3 (routed only) and NetworkManager's import.
  /// - Throws: `TrustError.cryptographyFailed`.
  public func render() throws -> Secret {
    var parts = [Secret(utf8: settings), inline("ca", Secret(utf8: authorities.map(\.pem).joined()))]
    parts.append(inline("cert", Secret(utf8: certificate.pem)))
    if case .inline(let key) = key { parts.append(inline("key", try key.pem())) }
    parts.append(inline("tls-crypt-v2", tlsCrypt.pem))
    return Secret(concatenating: parts)
  }

  private func inline(_ option: String, _ content: Secret) -> Secret {
    Secret(concatenating: [Secret(utf8: "<\(option)>\n"), content, Secret(utf8: "</\(option)>\n")])
  }

  /// Addresses, routes and DNS are the server's to push. Each option is either known to OpenVPN 3 or on its list of those
  /// that it passes over (client/ovpncli, settings_ignoreWithWarning).
  private var settings: String {
    var lines = ["client", "dev \(device.rawValue)", "proto udp"]
    lines += remotes.map { "remote \($0) udp" }
    lines += [
      "nobind",
      "persist-key",
      "persist-tun",
      "remote-cert-tls server",
      "verify-x509-name \(serverName) name",
      "tls-version-min 1.2",
      "data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305",
      "auth-nocache",
      "explicit-exit-notify 1",
      // A refused client sees silence, so that without a bound it would go on knocking for ever.
      "connect-retry 2 30",
      "connect-retry-max 10",
      "resolv-retry 60",
      "verb 3",
    ]
    if case .file(let name) = key { lines.append("key \(name)") }
    return lines.map { $0 + "\n" }.joined()
  }
}

/// A value that stands unquoted in a configuration line.
enum ConfigWord {
  /// - Throws: `TrustError.valueRefused` unless it is 1 to 64 letters, digits, dots, underscores and hyphens, and
  ///   doesn't begin with a dot or hyphen, as project ids and network names don't. Nothing of that means anything to OpenVPN, to a shell, or in a path.
  static func check(_ text: String, field: String) throws {
    let extra = Array("._-".utf8)
    guard (1...64).contains(text.utf8.count), !text.hasPrefix("."), !text.hasPrefix("-"),
      text.utf8.allSatisfy({ ASCII.isAlphanumeric($0) || extra.contains($0) })
    else {
      throw TrustError.valueRefused(
        field: field, reason: "it is not made of 1 to 64 letters, digits, dots, underscores and hyphens")
    }
  }
}
