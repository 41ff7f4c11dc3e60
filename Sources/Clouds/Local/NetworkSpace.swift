import Foundation
import Host
public import Names
public import State
public import SystemPackage

/// Where a network of the local cloud is on this machine: what its namespace, its interfaces and its files are called.
///
/// Derived from the home and the network alone. Whatever the kernel keeps for the whole machine has a name with a short
/// hash of both, so that two homes don't meet, and interfaces' names fit into the kernel's 15 characters. Inside of the
/// namespace all networks use the same names.
public struct NetworkSpace: Hashable, Sendable {
  public let home: Home
  public let id: NetworkID
  /// Six characters for the home and seven for the network.
  private let homeTag: String
  private let networkTag: String

  public init(home: Home, id: NetworkID) {
    self.home = home
    self.id = id
    homeTag = Self.tag(home.path.string, length: 5)
    networkTag = Self.tag("\(home.path.string)\u{0}\(id)", length: 7)
  }

  /// The network's namespace, as `ip netns` knows it.
  public var namespace: String { Self.namespacePrefix(of: home) + networkTag }
  /// The file that keeps the namespace, for setns(2) and `nsenter --net=`.
  public var namespacePath: FilePath { Self.namespaces.appending(namespace) }
  /// Goes before a program and its arguments to run it in the namespace.
  public var entering: [String] { ["nsenter", "--net=\(namespacePath)", "--"] }

  /// The bridge in the namespace; it has the gateway's address.
  public static let bridge = "project"
  /// The cloudpipe's port of the bridge: a persistent tap device that is there, and up, from when the network is made.
  public static let instancePort = "cloudpipe"
  /// What a machine's port of the bridge is called: `m` and its MAC address, 13 characters.
  public static func port(of mac: MACAddress) -> String { machinePrefix + mac.text.filter { $0 != ":" } }
  /// What the names of such ports begin with, and of nothing else in a network's namespace.
  static let machinePrefix = "m"
  /// The namespace's own end of its way out.
  public static let uplink = "uplink"
  /// The host's end of it: the one interface that the host sees of the network.
  public var hostPort: String { Self.hostPortPrefix + homeTag + networkTag }

  /// cpbuild's own table on the host, one a home, of nftables' family inet.
  public var table: String { Self.table(of: home) }

  /// Everything of the network that is a file; mode 0700.
  public var folder: FilePath { Self.networks(of: home).appending(id.project.text).appending(id.name.text) }
  /// What the instance says on its serial console, from its boot on.
  public var console: FilePath { folder.appending(Self.consoleName) }
  /// A second QMP socket of the instance, for whoever listens to its events.
  public var events: FilePath { folder.appending(Self.eventsName) }

  static let consoleName = "console.log"
  static let eventsName = "events.sock"
  static let namespaces: FilePath = "/run/netns"
  static let hostPortPrefix = "cpb"

  static func networks(of home: Home) -> FilePath { home.path.appending("instances") }
  /// What is about the host rather than one network; there as long as there is a network. No project is called so.
  static func hostFolder(of home: Home) -> FilePath { networks(of: home).appending(".host") }
  static func table(of home: Home) -> String { "cpbuild-\(tag(home.path.string, length: 5))" }
  static func namespacePrefix(of home: Home) -> String { "cpbuild-\(tag(home.path.string, length: 5))-" }
  static func hostPortPrefix(of home: Home) -> String { hostPortPrefix + tag(home.path.string, length: 5) }

  /// The first characters of the SHA-256 digest in Base32 (RFC 4648), lower case.
  private static func tag(_ text: String, length: Int) -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    // Five bits a character; a digest's bytes are as random one as the other.
    let characters = Digest.sha256(Data(text.utf8)).bytes.prefix(length).map { alphabet[Int($0 & 31)] }
    return String(decoding: characters, as: UTF8.self)
  }
}
