import Foundation
import Host
import Names
import State
import SystemPackage
import Testing

@Suite("Exports")
struct ExportsTests {
  @Test("the files say what the rows say, in PEM, active authority first")
  func content() async throws {
    try await withStore { store in
      let (root, old, new, server, crl) = try await store.write { state in
        let old = try Sample.addAuthority(to: state)
        try Sample.addAuthority(stage: .next, to: state)
        try state.authorities.activateNext(of: ProjectID("acme"))
        let trusted = try state.authorities.trusted(of: ProjectID("acme"))
        let root = try state.authorities.trusted(of: nil)
        let server = try Self.addServer(.standard, of: trusted[0], to: state)
        return (root[0], old, trusted[0], server, try Sample.addCRL(of: trusted[0], to: state))
      }
      try await store.exports.write()
      #expect(try text(store, "CA/cacert.pem") == root.pem)
      #expect(try text(store, "CA/projects/acme/cacert.pem") == new.pem + old.pem + root.pem)
      #expect(try text(store, "CA/projects/acme/server.crt") == server.pem)
      #expect(try text(store, "CA/projects/acme/crl.pem") == crl.pem)
      #expect(crl.pem.hasPrefix("-----BEGIN X509 CRL-----\nY3JsIDE=\n-----END X509 CRL-----\n"))
      #expect(try await store.exports.repair().isEmpty)
    }
  }

  @Test("what a kill left out is written by the next command, and temporary files go")
  func afterAKill() async throws {
    try await withStore { store in
      let authority = try await store.write { try Sample.addAuthority(to: $0) }
      try await store.exports.write()
      let crl = try await store.write { try Sample.addCRL(of: authority, to: $0) }
      // Here the process is killed: the row is durable, the file was never begun.
      #expect(!FileManager.default.fileExists(atPath: store.home.projects.appending("acme/crl.pem").string))
      let stray = store.home.projects.appending("acme/.crl.pem.abc.tmp")
      try AtomicFile.write("half", to: stray)
      try await store.exports.write()
      #expect(try text(store, "CA/projects/acme/crl.pem") == crl.pem)
      #expect(!FileManager.default.fileExists(atPath: stray.string))
    }
  }

  @Test("a repair puts back what somebody changed, removed or left, and leaves the keys alone")
  func repair() async throws {
    try await withStore { store in
      let key = try KeyFile.authority("ca.pem")
      try store.keys.write(Data("not a key".utf8), as: key)
      let authority = try await store.write { state in
        let authority = try Sample.addAuthority(keyFile: key, to: state)
        try Sample.addCRL(of: authority, to: state)
        return authority
      }
      try await store.exports.write()
      let folder = store.home.projects.appending("acme")
      try AtomicFile.write("tampered", to: folder.appending("crl.pem"))
      #expect(try await store.exports.repair() == [ProjectID("acme")])
      try Folder.remove(store.home.authorities.appending("cacert.pem"))
      #expect(try await store.exports.repair() == [nil])
      try AtomicFile.write("old", to: folder.appending("server-gone.crt"))
      try Folder.make(store.home.projects.appending("gone"))
      try AtomicFile.write("old", to: store.home.projects.appending("gone/crl.pem"))
      #expect(try await store.exports.repair() == [ProjectID("acme"), ProjectID("gone")])
      #expect(try Folder.names(in: store.home.projects) == ["acme"])
      #expect(try Folder.names(in: folder) == ["cacert.pem", "crl.pem"])
      #expect(try await store.exports.repair().isEmpty)
      #expect(try store.keys.read(key) == Data("not a key".utf8))
      #expect(try await store.read { try $0.authorities.get(authority.id) }.lastCrlNumber == 1)
    }
  }

  @Test("a new root reaches every project's chain")
  func newRoot() async throws {
    try await withStore { store in
      try await store.write { state in
        try Sample.addAuthority("acme", to: state)
        try Sample.addAuthority("other", to: state)
      }
      try await store.exports.write()
      let root = try await store.write { state in
        var new = try Sample.authority(nil, issuer: nil)
        new.stage = .next
        return try state.authorities.insert(new)
      }
      try await store.exports.write()
      for project in ["acme", "other"] {
        #expect(try text(store, "CA/projects/\(project)/cacert.pem").hasSuffix(root.pem))
      }
    }
  }

  @Test("a revoked server certificate is no longer exported; each other network's has its own file")
  func servers() async throws {
    try await withStore { store in
      let revoked = try await store.write { state in
        let authority = try Sample.addAuthority(to: state)
        _ = try Self.addServer(NetworkName("lab"), of: authority, to: state)
        return try Self.addServer(.standard, of: authority, to: state)
      }
      try await store.exports.write()
      let folder = store.home.projects.appending("acme")
      #expect(try Folder.names(in: folder) == ["cacert.pem", "server-lab.crt", "server.crt"])
      try await store.write {
        _ = try $0.revocations.revoke(lineage: revoked.lineageId, reason: .superseded, at: Sample.now)
      }
      try await store.exports.write()
      #expect(try Folder.names(in: folder) == ["cacert.pem", "server-lab.crt"])
    }
  }

  private static func addServer(
    _ network: NetworkName, of authority: Authority, to state: Transaction
  ) throws -> Certificate {
    let lineage = try state.lineages.ensure(server: network, of: ProjectID("acme"), at: Sample.now)
    let certificate = try Certificate(
      authorityId: authority.id, serial: Sample.randomSerial(), lineageId: lineage.id,
      certificate: Data("server of \(network)".utf8), notBefore: Sample.now, notAfter: Sample.now + Sample.day,
      createdAt: Sample.now)
    try state.certificates.insert(certificate)
    return certificate
  }

  private func text(_ store: StateStore, _ name: String) throws -> String {
    let path = store.home.path.appending(name)
    return String(decoding: try #require(FileManager.default.contents(atPath: path.string), "\(path)"), as: UTF8.self)
  }
}
