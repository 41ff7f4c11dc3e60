public import Foundation
public import Names
public import State

/// The cloudpipes that run, as far as the users in them are concerned.
public protocol LiveInstances: Sendable {
  /// Has the network's cloudpipe take the project's newest CRL now; nil where none runs.
  func refreshCRL(of network: NetworkID) async throws -> CRLRefresh?
  /// Who is connected to the network's cloudpipe; nil where none runs.
  func sessions(of network: NetworkID) async throws -> [VPNSession]?
}

/// What came of a cloudpipe being told of a new CRL.
public struct CRLRefresh: Hashable, Sendable {
  /// The number of the CRL that it goes by now.
  public let installed: UInt64
  /// The users whose sessions it ended.
  public let ended: [String]

  public init(installed: UInt64, ended: [String]) {
    self.installed = installed
    self.ended = ended
  }
}

/// One user's connection to a cloudpipe.
public struct VPNSession: Hashable, Sendable {
  /// The common name of the certificate.
  public let user: String
  public let network: NetworkName
  /// Where the connection comes from, as OpenVPN says it: `203.0.113.9:51820`.
  public let remote: String
  /// The user's address inside; nil until they have one.
  public let address: String?
  public let since: Date
  /// When the certificate ends, and the session with it; nil when that isn't known.
  public let expires: Date?
  /// The certificate's serial number in hexadecimal; nil when it isn't known.
  public let serial: String?
  /// In bytes, as the cloudpipe counts them.
  public let received: UInt64
  public let sent: UInt64

  public init(
    user: String, network: NetworkName, serial: String?, remote: String, address: String?, since: Date, expires: Date?,
    received: UInt64, sent: UInt64
  ) {
    self.user = user
    self.network = network
    self.serial = serial
    self.remote = remote
    self.address = address
    self.since = since
    self.expires = expires
    self.received = received
    self.sent = sent
  }
}
