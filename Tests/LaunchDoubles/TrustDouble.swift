import Foundation
public import Launching
import Names
public import Payload
public import State
public import SystemPackage

/// Hands out keys and certificates that are none, only text.
public struct TrustDouble: LaunchTrust {
  let store: StateStore

  public init(store: StateStore) { self.store = store }

  public func prepare(for id: NetworkID) async throws -> FilePath {
    store.home.projects.appending(id.project.text).appending("crl.pem")
  }

  public func keyPair(for id: NetworkID) async throws -> KeyPair {
    try await store.write { transaction in
      if let pair = try transaction.keyPairs.find(of: id.project) { return pair }
      let file = try KeyFile.instance("\(id.project)-\(UUID().uuidString)")
      try store.keys.write(Data("key\n".utf8), as: file)
      let pair = KeyPair(
        project: id.project, type: .ed25519, publicKey: "ssh-ed25519 AAAA \(id.project)", fingerprint: "SHA256:x",
        keyFile: file, createdAt: Date())
      try transaction.keyPairs.insert(pair)
      return pair
    }
  }

  public func payload(for id: NetworkID, settings: Settings) async throws -> Payload {
    let text = Data("text\n".utf8)
    return try Payload(
      authorities: text, serverCertificate: text, serverKey: text, crl: text, tunnelKey: text, settings: settings)
  }
}
