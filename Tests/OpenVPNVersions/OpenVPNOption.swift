/// A version of OpenVPN that people have: the distributions' and upstream's supported ones.
public enum OpenVPNVersion: String, CaseIterable, Comparable, Sendable {
  case older = "2.4 or before"
  case v25 = "2.5"
  case v26 = "2.6"
  case v27 = "2.7"

  /// Those that servers and profiles are for.
  public static let supported: [OpenVPNVersion] = [.v25, .v26, .v27]

  public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What became of one option of OpenVPN's configuration over the versions.
///
/// By upstream's manual pages openvpn(8) of 2.5, 2.6 and 2.7, the sections "Overview of changes" in its Changes.rst of
/// 2.5.0, 2.6.0 and later, and doc/man-sections/unsupported-options.rst of 2.7, which lists what was removed up to there.
public struct OpenVPNOption: Sendable {
  public let name: String
  public let since: OpenVPNVersion
  /// From this version on a configuration with it is refused.
  public var removed: OpenVPNVersion?
  /// From this version on it is taken and does nothing.
  public var ignored: OpenVPNVersion?
  /// What holds without it differs from this version on, so that it has to be written down.
  public var newDefault: OpenVPNVersion?
  public var note = ""

  /// Whether every supported version takes it.
  public var isUsable: Bool { since <= .v25 && removed == nil }
}

extension OpenVPNOption {
  /// Every option that a server, a profile or a script of ours may use, and those that are easily taken for one.
  public static let known = Dictionary(
    (longStanding.map { OpenVPNOption(name: $0, since: .older) } + changed).map { ($0.name, $0) }
  ) { $1 }

  /// In openvpn(8) of 2.4 to 2.7 with the same meaning.
  private static let longStanding = [
    "auth-nocache", "ca", "cert", "client", "client-connect", "client-disconnect", "config",
    "connect-retry-max", "crl-verify", "daemon", "dev", "dev-type", "dhcp-option", "down",
    "explicit-exit-notify", "group", "keepalive", "key", "management", "management-client-user", "max-clients",
    "persist-tun", "port", "proto", "push", "remote", "remote-cert-tls", "resolv-retry", "route", "route-ipv6",
    "script-security", "server", "server-bridge", "server-ipv6", "setenv", "status", "status-version",
    "suppress-timestamps", "tls-cert-profile", "tls-verify", "tun-mtu", "up", "user", "verb",
    "verify-x509-name", "writepid",
  ]

  private static let changed = [
    OpenVPNOption(
      name: "allow-compression", since: .v25, newDefault: .v26, note: "asym before, no since; 2.7 never compresses"),
    OpenVPNOption(name: "connect-retry", since: .older, newDefault: .v26, note: "from 5 s to 1 s"),
    OpenVPNOption(
      name: "data-ciphers", since: .v25, newDefault: .v26, note: "was ncp-ciphers; CHACHA20-POLY1305 was added"),
    OpenVPNOption(name: "dh", since: .older, newDefault: .v27, note: "a server without it was refused; none since"),
    OpenVPNOption(name: "nobind", since: .older, newDefault: .v26, note: "implied by client since"),
    OpenVPNOption(name: "persist-key", since: .older, ignored: .v27, note: "keys are always kept since"),
    OpenVPNOption(name: "tls-crypt-v2", since: .v25),
    OpenVPNOption(name: "tls-export-cert", since: .older, note: "written anew in 2.6.9, to the same manual"),
    OpenVPNOption(name: "tls-version-min", since: .older, newDefault: .v26, note: "1.0 before, 1.2 since"),
    OpenVPNOption(name: "topology", since: .older, newDefault: .v27, note: "net30 before, subnet since"),
    // What old instructions tell people to use.
    OpenVPNOption(name: "client-cert-not-required", since: .older, removed: .v25),
    OpenVPNOption(name: "ifconfig-pool-linear", since: .older, removed: .v25),
    OpenVPNOption(name: "inetd", since: .older, removed: .v26),
    OpenVPNOption(name: "key-method", since: .older, removed: .v25),
    OpenVPNOption(name: "keysize", since: .older, removed: .v26),
    OpenVPNOption(name: "management-client-pf", since: .older, removed: .v26),
    OpenVPNOption(name: "ncp-disable", since: .older, removed: .v26),
    OpenVPNOption(name: "no-iv", since: .older, removed: .v25),
    OpenVPNOption(name: "no-replay", since: .older, removed: .v27),
    OpenVPNOption(name: "ns-cert-type", since: .older, removed: .v25),
    OpenVPNOption(name: "opt-verify", since: .older, removed: .v27),
    OpenVPNOption(name: "peer-fingerprint", since: .v26),
    OpenVPNOption(name: "prng", since: .older, removed: .v26),
    OpenVPNOption(name: "tls-remote", since: .older, removed: .older),
  ]
}
