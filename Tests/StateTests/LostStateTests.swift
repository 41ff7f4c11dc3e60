import Foundation
import GRDB
import Host
import Names
import SystemPackage
import Testing

@testable import State

@Suite("A state that is lost")
struct LostStateTests {
  /// A home with a project, its authority and its key, and a backup of it beside.
  private func withHome(_ body: (Home, _ backup: FilePath) async throws -> Void) async throws {
    try await StateTests.withHome { home in
      let store = try await StateStore.open(home)
      let key = try KeyFile.authority("acme.pem")
      try store.keys.write(Data("not a key".utf8), as: key)
      try await store.write { state in
        let authority = try Sample.addAuthority(keyFile: key, to: state)
        try Sample.addCRL(of: authority, to: state)
      }
      try await store.exports.write()
      let backup = home.path.removingLastComponent().appending("backup.db")
      try await store.backup(to: backup)
      try store.close()
      try await body(home, backup)
    }
  }

  private func removeDatabase(_ home: Home) throws {
    for suffix in ["", "-wal", "-shm"] { try Folder.remove(FilePath(home.database.string + suffix)) }
  }

  enum Loss: CaseIterable { case removed, emptied, onlyItsHeader, begun, madeAnew, exportsAlone, keysAlone }

  @Test("isn't taken for a new one, and a restore brings it back", arguments: Loss.allCases)
  func refusal(loss: Loss) async throws {
    try await withHome { home, backup in
      try removeDatabase(home)
      switch loss {
      case .removed: break
      case .emptied: try AtomicFile.write("", to: home.database, mode: 0o600)
      case .onlyItsHeader:
        let raw = try DatabasePool(path: home.database.string)
        try raw.close()
      case .begun:
        let raw = try DatabasePool(path: home.database.string)
        try await raw.write { database in
          try database.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        }
        try raw.close()
      case .madeAnew: try await StateStore.open(home, restoring: true).close()
      case .exportsAlone: try Folder.remove(home.authorityKeys)
      case .keysAlone:
        for name in ["cacert.pem", "crl.pem"] { try Folder.remove(home.authorities.appending(name)) }
        try Folder.remove(home.projects)
      }
      try home.prepare()
      let before = try files(home)
      await #expect(throws: StateError.lost(home: home.path)) { try await StateStore.open(home) }
      #expect(try files(home) == before)
      let found = await StateCheck(home: home).examine()
      #expect(found.status == .failure && found.found.contains("cpbuild restore FILE"), "\(found)")

      let report = try await StateStore.restore(backup, into: home)
      #expect(report.loss.isEmpty && report.missingKeys.isEmpty)
      let after = try await StateStore.open(home)
      #expect(try await after.read { try $0.projects.all() }.count == 1)
      #expect(try await after.exports.repair().isEmpty)
      try after.close()
      #expect(try Folder.names(in: home.authorities) == ["cacert.pem", "private", "projects"])
    }
  }

  @Test("a restore that was killed before its rows were there leaves a lost one")
  func killedRestore() async throws {
    try await withHome { home, backup in
      try removeDatabase(home)
      for name in ["cacert.pem", "crl.pem"] { try Folder.remove(home.authorities.appending(name)) }
      try Folder.remove(home.projects)
      let other = home.path.removingLastComponent().appending("other.db")
      try AtomicFile.write("no backup", to: other, mode: 0o600)
      await #expect(throws: StateError.notState(path: other)) { try await StateStore.restore(other, into: home) }
      try home.markAsLost()
      try await StateStore.open(home, restoring: true).close()
      await #expect(throws: StateError.lost(home: home.path)) { try await StateStore.open(home) }
      _ = try await StateStore.restore(backup, into: home)
      try await StateStore.open(home).close()
      #expect(try Folder.names(in: home.authorities) == ["cacert.pem", "private", "projects"])
    }
  }

  @Test("what a kill of the very first command leaves is a new one: folders, an empty database, a key without a row")
  func firstCommand() async throws {
    try await StateTests.withHome { home in
      try home.prepare()
      try AtomicFile.write("", to: home.database, mode: 0o600)
      let store = try await StateStore.open(home)
      try store.keys.write(Data("not a key".utf8), as: KeyFile.authority("new.pem"))
      try store.close()
      let again = try await StateStore.open(home)
      #expect(try await again.integrityCheck().isEmpty)
      try again.close()
    }
  }

  private func files(_ home: Home) throws -> [String] {
    try [home.authorities, home.authorityKeys, home.keys, home.projects].flatMap { try Folder.names(in: $0) }
  }
}
