import Foundation
import GRDB
import Glibc
import Host
import Names
import State
import SystemPackage
import Testing

@Suite("Backup and restore")
struct BackupTests {
  @Test("a backup is one closed file that brings rows and keys back on another machine")
  func roundTrip() async throws {
    try await withStore { store in
      let key = try KeyFile.authority("acme-ca.key")
      try store.keys.write(Data("not a key".utf8), as: key)
      let authority = try await store.write { state in
        try Sample.addNetwork(to: state)
        let authority = try Sample.addAuthority(keyFile: key, to: state)
        try Sample.addCRL(of: authority, to: state)
        return authority
      }
      let file = store.home.path.appending("backup.db")
      try await store.backup(to: file)
      var status = stat()
      #expect(lstat(file.string, &status) == 0 && status.st_mode & 0o777 == 0o600)
      #expect(try Folder.names(in: store.home.path).filter { $0.hasSuffix(".tmp") }.isEmpty)

      try await withHome { other in
        let report = try await StateStore.restore(file, into: other, now: Sample.now)
        #expect(report.loss.isEmpty && report.missingKeys.isEmpty)
        let restored = try await StateStore.open(other)
        #expect(try restored.keys.read(key) == Data("not a key".utf8))
        #expect(try await restored.read { try $0.networks.get(Sample.network()) }.cidr.text == "10.1.0.0/24")
        let chain = other.projects.appending("acme/cacert.pem").string
        #expect(FileManager.default.contents(atPath: chain)?.starts(with: Data(authority.pem.utf8)) == true)
        #expect(try await restored.integrityCheck().isEmpty)
        // Nobody here knows how far the numbers had come, so they go on where no counting has been.
        let number = try await restored.write { try Sample.addCRL(of: authority, to: $0).number }
        #expect(number == Int64(Sample.now.timeIntervalSince1970) + 1)
        try restored.close()
        #expect(try Folder.names(in: other.path).filter { $0.hasPrefix(".") }.isEmpty)
      }
    }
  }

  @Test("what a killed restore left is removed by the next command, and a restore at work is left alone")
  func killedRestore() async throws {
    try await withStore { store in
      let left = store.home.path.appending(".restore-1.db")
      func isThere() throws -> Bool { try Folder.names(in: store.home.path).contains(".restore-1.db") }
      try AtomicFile.write("keys", to: left, mode: 0o600)
      var lock: FileLock? = try FileLock.take(store.home.path.appending("restore.lock"))
      try await StateStore.open(store.home).close()
      #expect(try isThere())
      #expect(lock != nil)
      lock = nil
      try await StateStore.open(store.home).close()
      #expect(try !isThere())
    }
  }

  @Test("a process that has the state open meanwhile sees the restored one")
  func openMeanwhile() async throws {
    try await withStore { store in
      let file = store.home.path.appending("backup.db")
      try await store.backup(to: file)
      try await store.write { try Sample.addNetwork(to: $0) }
      _ = try await StateStore.restore(file, into: store.home, force: true)
      #expect(try await store.read { try $0.projects.all() }.isEmpty)
      try await store.write { try Sample.addNetwork("new", to: $0) }
      #expect(try await store.read { try $0.projects.all() }.map(\.id.text) == ["new"])
    }
  }

  @Test("a backup is consistent while others write")
  func consistent() async throws {
    try await withStore { store in
      let authority = try await store.write { try Sample.addAuthority(to: $0) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for index in 0..<150 {
            // Each change writes two rows; a backup has both or none.
            try await store.write { state in
              let certificate = try Sample.addCertificate("u\(index)", of: authority, to: state)
              try state.revocations.insert(
                Revocation(
                  authorityId: authority.id, serial: certificate.serial, reason: .unspecified,
                  revokedAt: Sample.now, expiresAt: certificate.notAfter))
            }
          }
        }
        for index in 0..<8 {
          let file = store.home.path.appending("backup-\(index).db")
          try await store.backup(to: file)
          let copy = try DatabaseQueue(path: file.string)
          let (certificates, revocations, check) = try await copy.read { db in
            (
              try Int.fetchOne(db, sql: "SELECT count(*) FROM certificates"),
              try Int.fetchOne(db, sql: "SELECT count(*) FROM revocations"),
              try String.fetchOne(db, sql: "PRAGMA integrity_check")
            )
          }
          #expect(certificates == revocations && check == "ok")
          try copy.close()
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("what isn't a good backup is refused, and the state stays as it is")
  func badBackups() async throws {
    try await withHome { home in
      let store = try await StateStore.open(home)
      try await store.write { state in
        for index in 0..<200 { try Sample.addNetwork("p\(index)", to: state) }
      }
      let good = home.path.appending("good.db")
      try await store.backup(to: good)
      try store.close()
      let bytes = try Data(contentsOf: URL(filePath: good.string))
      let bad = home.path.appending("bad.db")

      func refuses(_ what: String, _ isExpected: (StateError) -> Bool) async {
        let error = await #expect(throws: StateError.self, "\(what)") {
          try await StateStore.restore(bad, into: home, force: true)
        }
        if let error { #expect(isExpected(error), "\(what): \(error)") }
      }
      func write(_ data: Data) throws { try AtomicFile.write(data, to: bad, mode: 0o600) }
      func change(_ sql: String) throws {
        try write(bytes)
        let queue = try DatabaseQueue(path: bad.string, configuration: Self.loose)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
      }

      try write(Data("hello".utf8))
      await refuses("text") { $0 == .notState(path: bad) }
      try write(Data())
      await refuses("nothing") { $0 == .notState(path: bad) }
      try write(bytes.prefix(bytes.count / 2))
      await refuses("half") { if case .damaged = $0 { true } else { false } }
      var broken = bytes
      broken.replaceSubrange(8192..<12288, with: Data(repeating: 0x5a, count: 4096))
      try write(broken)
      await refuses("a broken page") { if case .damaged = $0 { true } else { false } }
      try change("PRAGMA application_id = 7")
      await refuses("another program's") { $0 == .notState(path: bad) }
      try change("INSERT INTO grdb_migrations VALUES ('99')")
      await refuses("a newer one") { $0 == .newerVersion(path: bad) }
      try change("DELETE FROM projects WHERE id = 'p7'")
      await refuses("dangling rows") { if case .damaged = $0 { true } else { false } }
      try change("CREATE TRIGGER evil AFTER INSERT ON projects BEGIN DELETE FROM networks; END")
      await refuses("a trigger") { if case .damaged = $0 { true } else { false } }
      try change("DROP INDEX one_active_authority")
      await refuses("a missing index") { if case .damaged = $0 { true } else { false } }
      let none = home.path.appending("none.db")
      await #expect(throws: HostError.self) { try await StateStore.restore(none, into: home, force: true) }

      let after = try await StateStore.open(home)
      #expect(try await after.read { try $0.projects.all() }.count == 200)
      #expect(try await after.integrityCheck().isEmpty)
      try after.close()
      #expect(try Folder.names(in: home.path).filter { $0.hasPrefix(".restore") }.isEmpty)
    }
  }

  @Test("a damaged state is said to be; a forced restore puts it aside")
  func damagedState() async throws {
    try await withHome { home in
      let store = try await StateStore.open(home)
      try await store.write { try Sample.addNetwork(to: $0) }
      let file = home.path.appending("backup.db")
      try await store.backup(to: file)
      try store.close()
      for suffix in ["-wal", "-shm"] { try Folder.remove(FilePath(home.database.string + suffix)) }
      try AtomicFile.write(Data(repeating: 0x5a, count: 8192), to: home.database, mode: 0o600)
      await #expect(throws: StateError.notState(path: home.database)) { try await StateStore.open(home) }
      await #expect(throws: StateError.self) { try await StateStore.restore(file, into: home) }
      _ = try await StateStore.restore(file, into: home, force: true, now: Sample.now)
      let after = try await StateStore.open(home)
      #expect(try await after.read { try $0.projects.all() }.count == 1)
      try after.close()
      #expect(try Folder.names(in: home.path).contains("state.db.damaged-1780000000"))
    }
  }

  @Test("a key that differs from the backup's is replaced only by force")
  func differentKey() async throws {
    try await withStore { store in
      let key = try KeyFile.instance("acme-vpn.pem")
      try store.keys.write(Data("old".utf8), as: key)
      try await store.write { state in
        try state.projects.ensure(ProjectID("acme"), at: Sample.now)
        try state.keyPairs.insert(
          KeyPair(
            project: ProjectID("acme"), type: .ed25519, publicKey: "x", fingerprint: "y", keyFile: key,
            createdAt: Sample.now))
      }
      let file = store.home.path.appending("backup.db")
      try await store.backup(to: file)
      try AtomicFile.write("new", to: store.keys.path(of: key), mode: 0o600)
      let error = await #expect(throws: StateError.self) { try await StateStore.restore(file, into: store.home) }
      #expect("\(error.map { "\($0)" } ?? "")".contains("--force"))
      #expect(try store.keys.read(key) == Data("new".utf8))
      _ = try await StateStore.restore(file, into: store.home, force: true)
      #expect(try store.keys.read(key) == Data("old".utf8))
    }
  }

  /// A state with a key that differs from the backup's, and with 'b' in its file.
  private func withDifferentKey(_ body: (StateStore, KeyFile, _ backup: FilePath) async throws -> Void) async throws {
    try await withStore { store in
      let key = try KeyFile.authority("acme.pem")
      try store.keys.write(Data("a".utf8), as: key)
      try await store.write { _ = try Sample.addAuthority(keyFile: key, to: $0) }
      let file = store.home.path.appending("backup.db")
      try await store.backup(to: file)
      try AtomicFile.write("b", to: store.keys.path(of: key), mode: 0o600)
      try await body(store, key, file)
    }
  }

  @Test("a restore that fails leaves every key as it was, and nothing beside it")
  func failedRestore() async throws {
    try await withDifferentKey { store, key, file in
      // A row that refers to what the backup hasn't, in a table that a restore leaves alone.
      try await store.write { _ = try $0.projects.ensure(ProjectID("other"), at: Sample.now) }
      let raw = try DatabaseQueue(path: store.home.database.string)
      try await raw.write {
        try $0.execute(
          sql: "CREATE TABLE grdb_test (x TEXT REFERENCES projects (id)); INSERT INTO grdb_test VALUES ('other')")
      }
      try raw.close()
      await #expect(throws: StateError.self) { try await StateStore.restore(file, into: store.home, force: true) }
      #expect(try store.keys.read(key) == Data("b".utf8))
      #expect(try Folder.names(in: store.home.authorityKeys) == ["acme.pem"])
    }
  }

  @Test("a restore that was killed between its rows and its keys is finished by the next command")
  func killedBetween() async throws {
    try await withDifferentKey { store, key, file in
      try AtomicFile.write("a", to: store.home.authorityKeys.appending(".1.restored"), mode: 0o600)
      let raw = try DatabaseQueue(path: store.home.database.string)
      try await raw.write {
        // Of the second the file had got its name already.
        try $0.execute(
          sql: """
            INSERT INTO restored_keys VALUES ('CA/private/acme.pem', '.1.restored'), ('keys/x.pem', '.2.restored')
            """)
      }
      for _ in 0..<2 {
        try await StateStore.open(store.home).close()
        #expect(try store.keys.read(key) == Data("a".utf8))
      }
      #expect(try Folder.names(in: store.home.authorityKeys) == ["acme.pem"])
      #expect(try await raw.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM restored_keys") } == 0)
      try raw.close()
    }
  }

  /// Lets a test break what SQLite would protect.
  private static var loose: Configuration {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    return configuration
  }
}
