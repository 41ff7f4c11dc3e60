import Foundation
import Glibc
public import Host
import Names
public import State
import SystemPackage
import Trust

/// For `cpbuild doctor`: whether the private keys are the ones that the state means, its CRLs are good, and the files for
/// other programs say what it says.
public struct TrustCheck: Check {
  private let home: Home

  public init(home: Home) { self.home = home }

  public var name: String { "trust" }

  public func examine() async -> Finding {
    do {
      try home.checkIsNotLost()
      guard access(home.database.string, F_OK) == 0 else { return .ok("no CA yet") }
      let store = try await StateStore.open(home)
      defer { try? store.close() }
      let authorities = try await store.read { try $0.authorities.overview() }
      let parts = [
        (try await keys(store), "restore them from a backup with 'cpbuild restore FILE'"),
        (lists(authorities), "'cpbuild crl show' renews them, or says why it can't"),
        (try await files(store), "'cpbuild crl show' writes them anew"),
      ].filter { !$0.0.isEmpty }
      guard parts.isEmpty else {
        let all = parts.flatMap(\.0)
        let more = all.count > 5 ? "; and \(all.count - 5) more" : ""
        return .failure(
          all.prefix(5).joined(separator: "; ") + more, remedy: parts.map(\.1).joined(separator: "; "))
      }
      return .ok("keys, revocation lists and files of \(authorities.count) CAs are as they should be")
    } catch {
      return .warning("\(error)", remedy: "see what 'state' says above")
    }
  }

  /// A sentence for each key file that isn't the key of its row.
  private func keys(_ store: StateStore) async throws -> [String] {
    let (authorities, servers, tunnelKeys, pairs) = try await store.read { state in
      (
        try state.authorities.withKeys(), try state.certificates.withKeys(), try state.tunnelKeys.all(),
        try state.keyPairs.all()
      )
    }
    let keyring = Keyring(keys: store.keys, source: nil)
    var troubles: [String] = []
    func check(_ file: KeyFile?, _ body: (Secret) throws -> Void) {
      guard let file else { return }
      do { try body(keyring.secret(file)) } catch { troubles.append("\(store.keys.path(of: file)): \(error)") }
    }
    for row in authorities {
      check(row.keyFile) { secret in
        do {
          let certificate = try Trust.Certificate(der: Array(row.certificate))
          _ = try CertificateAuthority(certificate: certificate, key: PrivateKey(pem: secret))
        } catch TrustError.passphraseNeeded where row.keyIsEncrypted {}
      }
    }
    for row in servers {
      check(row.keyFile) { secret in
        let certificate = try Trust.Certificate(der: Array(row.certificate))
        guard try PrivateKey(pem: secret).publicKey == certificate.publicKey else {
          throw TrustError.keyMismatch(subject: certificate.subject.description)
        }
      }
    }
    for row in tunnelKeys { check(row.keyFile) { _ = try TLSCryptServerKey(pem: $0) } }
    for row in pairs {
      check(row.keyFile) { secret in
        let key = try OpenSSHKeyPair.publicKey(inPrivateFile: secret)
        guard "\(row.publicKey) ".hasPrefix("\(key) ") else { throw TrustError.keyMismatch(subject: row.name) }
      }
    }
    return troubles
  }

  private func lists(_ authorities: [AuthorityOverview]) -> [String] {
    let now = Date()
    return authorities.map { AuthorityStatus($0, now: now) }.filter { $0.crlSeverity >= .expiring }.map { status in
      guard let end = status.authority.nextUpdate else { return "the revocation list of \(status.name) isn't there" }
      return "the revocation list of \(status.name) \(end < now ? "has ended" : "is about to end")"
    }
  }

  private func files(_ store: StateStore) async throws -> [String] {
    try await store.exports.tampered().map { project in
      let folder = project.map { store.home.projects.appending($0.text) } ?? store.home.authorities
      return "the certificates and lists in \(folder) aren't those of the state"
    }
  }
}
