import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage
import Testing

@Suite("Private keys")
struct KeyStoreTests {
  private let secret = Data("-----BEGIN PRIVATE KEY-----\nhunter2\n".utf8)

  @Test("a key is 0600, reads back, and is never overwritten")
  func writeOnce() async throws {
    try await withStore { store in
      let file = try KeyFile.instance("acme-vpn.pem")
      try store.keys.write(secret, as: file)
      var status = stat()
      #expect(lstat(store.keys.path(of: file).string, &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o600)
      #expect(status.st_nlink == 1)
      #expect(try store.keys.read(file) == secret)
      #expect(throws: StateError.self) { try store.keys.write(Data("other".utf8), as: file) }
      #expect(try store.keys.read(file) == secret)
      #expect(try Folder.names(in: store.home.keys) == ["acme-vpn.pem"])
    }
  }

  @Test("a key that others can read, a link and a missing key are refused, with a remedy and without the key")
  func exposed() async throws {
    try await withStore { store in
      let file = try KeyFile.authority("root.key")
      try store.keys.write(secret, as: file)
      let path = store.keys.path(of: file)
      for mode: mode_t in [0o640, 0o604, 0o660, 0o644, 0o601] {
        chmod(path.string, mode)
        let error = #expect(throws: StateError.self) { try store.keys.read(file) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("chmod 600") && text.contains(path.string) && !text.contains("hunter2"))
        #expect(throws: StateError.self) { try store.keys.require(file) }
      }
      chmod(path.string, 0o600)
      let link = try KeyFile.authority("link.key")
      #expect(symlink(path.string, store.keys.path(of: link).string) == 0)
      #expect(throws: StateError.self) { try store.keys.read(link) }
      #expect(throws: StateError.self) { try store.keys.require(link) }
      #expect(throws: StateError.self) { try store.keys.read(KeyFile.authority("none.key")) }
      let pipe = try KeyFile.authority("pipe.key")
      #expect(mkfifo(store.keys.path(of: pipe).string, 0o600) == 0)
      #expect(throws: StateError.self) { try store.keys.read(pipe) }
    }
  }

  @Test(
    "a key file is a plain name in one of two folders",
    arguments: [
      "x", "keys/", "keys/../x", "keys/.x", "keys/a/b", "/etc/shadow", "CA/x", "CA/private/..", "keys/a b", "keys/a\n",
      "keys/\(String(repeating: "x", count: 201))",
    ])
  func names(_ text: String) {
    #expect(throws: NameError.self) { try KeyFile(text) }
  }

  @Test("a row can't refer to a key that isn't there")
  func required() async throws {
    try await withStore { store in
      await #expect(throws: StateError.self) {
        try await store.write { _ = try Sample.addAuthority(keyFile: KeyFile.authority("none.key"), to: $0) }
      }
    }
  }

  @Test("a sweep removes old orphans and unfinished keys, and nothing that a row refers to")
  func sweep() async throws {
    try await withStore { store in
      let used = try KeyFile.authority("used.key")
      let pair = try KeyFile.instance("acme-vpn.pem")
      let orphan = try KeyFile.instance("orphan.key")
      for file in [used, pair, orphan] { try store.keys.write(secret, as: file) }
      try AtomicFile.write(secret, to: store.home.keys.appending(".new-1"), mode: 0o600)
      try await store.write { state in
        _ = try Sample.addAuthority(keyFile: used, to: state)
        try state.keyPairs.insert(
          KeyPair(
            project: ProjectID("acme"), type: .ed25519, publicKey: "ssh-ed25519 AAAA", fingerprint: "SHA256:x",
            keyFile: pair, createdAt: Sample.now))
        #expect(try state.keyPairs.find(of: ProjectID("acme"))?.name == "acme-vpn")
      }
      #expect(try await store.sweepKeys().isEmpty)
      let removed = try await store.sweepKeys(now: Date() + 7200)
      #expect(Set(removed.compactMap { $0.lastComponent?.string }) == ["orphan.key", ".new-1"])
      #expect(try Folder.names(in: store.home.keys) == ["acme-vpn.pem"])
      #expect(try await store.integrityCheck().isEmpty)
      try await store.write { try $0.keyPairs.remove(of: ProjectID("acme")) }
      #expect(try await store.sweepKeys(olderThan: 0).count == 1)
      chmod(store.keys.path(of: used).string, 0o644)
      #expect(try await store.integrityCheck().count == 1)
    }
  }

  @Test("one tls-crypt key a project")
  func tunnelKeys() async throws {
    try await withStore { store in
      let file = try KeyFile.instance("acme.tls-crypt-v2")
      try store.keys.write(secret, as: file)
      try await store.write { state in
        try state.projects.ensure(ProjectID("acme"), at: Sample.now)
        let key = TunnelKey(project: try ProjectID("acme"), keyFile: file, createdAt: Sample.now)
        try state.tunnelKeys.insert(key)
        #expect(try state.tunnelKeys.find(of: ProjectID("acme")) == key)
        #expect(throws: StateError.self) { try state.tunnelKeys.insert(key) }
      }
    }
  }
}
