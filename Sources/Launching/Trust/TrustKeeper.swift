public import Foundation
public import Names
public import State
public import SystemPackage
public import Trust

/// The one door to projects' CAs, certificates, CRLs and keys: it joins the state, which remembers, with `Trust`, which
/// signs. What hands something out or takes it back is one transaction, and the exports are written after it.
public struct TrustKeeper: Sendable {
  public let state: StateStore
  public let configuration: Configuration
  let keyring: Keyring
  private let clock: @Sendable () -> Date

  /// - Parameter passphrase: instead of the configuration's.
  public init(
    state: StateStore, configuration: Configuration, passphrase: PassphraseSource? = nil,
    clock: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.state = state
    self.configuration = configuration
    self.clock = clock
    keyring = Keyring(keys: state.keys, source: passphrase ?? configuration.trust.passphrase)
  }

  /// In whole seconds, which is what certificates and rows can hold.
  var now: Date { Date(timeIntervalSince1970: clock().timeIntervalSince1970.rounded(.down)) }

  /// Sees to it that the project has all that it needs: root and project CA, tls-crypt-v2 key, key pair, first CRLs.
  ///
  /// - Throws: `StateError`, `TrustError`, ``TrustKeeperError``, `HostError`.
  public func prepare(_ project: ProjectID) async throws {
    if try await state.read({ try $0.authorities.active(of: project) }) == nil { try await makeAuthority(of: project) }
    if try await state.read({ try $0.tunnelKeys.find(of: project) }) == nil { try await makeTunnelKey(of: project) }
    _ = try await keyPair(of: project)
    // Which writes the exports as well.
    try await renewDue(of: project)
  }

  /// The project's ssh key pair, made if there is none.
  public func keyPair(of project: ProjectID) async throws -> KeyPair {
    if let pair = try await state.read({ try $0.keyPairs.find(of: project) }) { return pair }
    let moment = now
    let type = configuration.trust.keyPairType
    let made = try OpenSSHKeyPair.generate(
      type == .rsa ? .rsa3072 : .ed25519, comment: LaunchedNames.shared(of: project))
    let row = KeyPair(
      project: project, type: type, publicKey: made.publicLine, fingerprint: made.fingerprint,
      keyFile: try .instance("\(LaunchedNames.shared(of: project)).pem"), createdAt: moment)
    let privateFile = made.privateFile
    return try await state.write { state in
      try state.projects.ensure(project, at: moment)
      if let pair = try state.keyPairs.find(of: project) { return pair }
      try state.keyPairs.insert(row, key: privateFile.data)
      return row
    }
  }

  /// A tls-crypt-v2 key with which the project's cloudpipe can be asked whether it answers.
  public func probeKey(of project: ProjectID) async throws -> TLSCryptClientKey {
    try await tunnelKey(of: project).issueClientKey(.timestamp(now))
  }

  /// The file that holds the project's newest CRLs.
  public func crlExport(of project: ProjectID) -> FilePath {
    state.home.projects.appending(project.text).appending("crl.pem")
  }

  func tunnelKey(of project: ProjectID) async throws -> TLSCryptServerKey {
    guard let row = try await state.read({ try $0.tunnelKeys.find(of: project) }) else {
      throw TrustKeeperError.noProject(project)
    }
    return try TLSCryptServerKey(pem: keyring.secret(row.keyFile))
  }

  private func makeTunnelKey(of project: ProjectID) async throws {
    let moment = now
    let file = try KeyFile.instance("tls-crypt-\(UUID().uuidString).key")
    try keyring.write(try TLSCryptServerKey.generate().pem, as: file)
    let taken = try await state.write { state in
      guard try state.tunnelKeys.find(of: project) == nil else { return false }
      try state.tunnelKeys.insert(TunnelKey(project: project, keyFile: file, createdAt: moment))
      return true
    }
    if !taken { try state.keys.remove(file) }
  }
}
