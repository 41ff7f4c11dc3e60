public import Payload
public import State
public import SystemPackage

/// What a launch needs of whoever keeps CAs, certificates and keys. What is asked for twice is made once.
public protocol LaunchTrust: Sendable {
  /// Sees to it that the project has its CA, a CRL and a tunnel key, and the network's cloudpipe a certificate that
  /// isn't near its end.
  ///
  /// - Returns: the export with the project's CRL, for the instance to be handed when it asks for a newer one.
  func prepare(for id: NetworkID) async throws -> FilePath
  /// The ssh key pair of the network's project.
  func keyPair(for id: NetworkID) async throws -> KeyPair
  /// The payload with these settings and what the network's cloudpipe proves itself by.
  func payload(for id: NetworkID, settings: Settings) async throws -> Payload
}
