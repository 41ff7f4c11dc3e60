import Foundation
import State
import Synchronization
import Trust

/// The CAs of this process, opened once each: an encrypted key takes a quarter of a second, and a passphrase from a
/// descriptor can be read only once.
final class Keyring: Sendable {
  private let keys: KeyStore
  private let source: PassphraseSource?
  private struct Opened {
    var passphrase: Passphrase?
    var keys: [Int64: (file: KeyFile, key: PrivateKey)] = [:]
  }
  private let opened = Mutex(Opened())

  init(keys: KeyStore, source: PassphraseSource?) {
    self.keys = keys
    self.source = source
  }

  /// What new CA keys are encrypted with; nil when they aren't.
  func passphrase() throws -> Passphrase? {
    guard let source else { return nil }
    return try opened.withLock { opened in
      if let passphrase = opened.passphrase { return passphrase }
      let passphrase = try source.load()
      opened.passphrase = passphrase
      return passphrase
    }
  }

  func privateKey(of authority: Authority) throws -> PrivateKey {
    guard let file = authority.keyFile else {
      throw TrustKeeperError.noKey(authority: authority.projectId.map { "the CA of \($0)" } ?? "the root CA")
    }
    if let known = opened.withLock({ $0.keys[authority.id] }), known.file == file { return known.key }
    if authority.keyIsEncrypted && source == nil { throw TrustKeeperError.passphraseNeeded(file: keys.path(of: file)) }
    let phrase = authority.keyIsEncrypted ? try passphrase() : nil
    do {
      let key = try PrivateKey(pem: try secret(file), passphrase: phrase)
      opened.withLock { $0.keys[authority.id] = (file, key) }
      return key
    } catch TrustError.wrongPassphrase {
      throw TrustKeeperError.wrongPassphrase(file: keys.path(of: file))
    } catch TrustError.passphraseNeeded {
      throw TrustKeeperError.passphraseNeeded(file: keys.path(of: file))
    }
  }

  func secret(_ file: KeyFile) throws -> Secret {
    let data = try keys.read(file)
    return Secret(count: data.count) { $0.copyBytes(from: data) }
  }

  /// Writes a new key file.
  func write(_ secret: Secret, as file: KeyFile) throws {
    try secret.withUnsafeBytes { try keys.write(Data($0), as: file) }
  }
}
