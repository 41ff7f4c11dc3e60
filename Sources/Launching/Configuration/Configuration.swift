public import Clouds
public import Names
public import State
public import SystemPackage
public import Trust

/// What an operator decides once for all projects: `<home>/cpbuild.yaml`, all of it optional.
public struct Configuration: Hashable, Sendable {
  public var trust = TrustSettings()
  public var network = NetworkSettings()
  /// By name. `m1.tiny` is always among them.
  public var flavors: [String: Flavor] = [Flavor.tiny.name: .tiny]
  /// By the name that clouds.yaml has for it.
  public var clouds: [String: OpenStackSettings] = [:]

  public init() {}
}

/// How certificates are made: section `trust`.
public struct TrustSettings: Hashable, Sendable {
  /// Of new CAs, cloudpipes and users.
  public var keyType = Trust.KeyType.p256
  /// Of projects' ssh key pairs.
  public var keyPairType = State.KeyPairType.ed25519
  public var lifetimes = Lifetimes()
  /// Where CRLs are published, without a slash at its end; named in certificates. Nil: nowhere.
  public var crlAddress: String?
  /// What opens the private keys of CAs, and encrypts those of new ones; nil: they aren't encrypted.
  public var passphrase: PassphraseSource?

  public init() {}

  public struct Lifetimes: Hashable, Sendable {
    public var root = Lifetime.root
    public var project = Lifetime.project
    public var server = Lifetime.server
    public var client = Lifetime.client
    public var crl = Lifetime.revocationList

    public init() {}
  }

  /// The longest life of a CRL. From a lost one on, so long nobody would notice that revocations don't arrive.
  public static let longestCRL = 90 * 86_400
}

/// Where new networks get their addresses and ports from: section `network`.
public struct NetworkSettings: Hashable, Sendable {
  /// Which new networks are cut from.
  public var range = IPv4Network.tens
  /// The prefix length of a new network.
  public var prefixLength = 24
  /// Where cloudpipes answer; nil: an address of this machine.
  public var publicAddress: IPv4Address?
  /// Which public ports are handed out.
  public var ports = PortNumber.forwarded
  /// How many addresses at the top of a bridged network are for VPN clients, and how many clients a cloudpipe takes.
  public var clients = 5

  public init() {}
}

/// Where a passphrase comes from. Never an argument or an environment variable, which other processes can read.
public enum PassphraseSource: Hashable, Sendable {
  case file(FilePath)
  /// An open descriptor of this process, read to its end.
  case descriptor(CInt)
  /// The name of a systemd credential (`LoadCredential=` and its kin), in `$CREDENTIALS_DIRECTORY`.
  case credential(String)
}
