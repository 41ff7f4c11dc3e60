import Foundation
import GRDB
import Host
import Names
import SystemPackage
import Testing

@testable import State

@Suite("The schema")
struct SchemaTests {
  /// What each released version left on disk, as text. A new version adds the dump of the one before it.
  static let earlier = [
    1: SchemaFixture.version1, 2: SchemaFixture.version2, 3: SchemaFixture.version3, 4: SchemaFixture.version4,
    5: SchemaFixture.version5,
  ]

  @Test("there is a fixture of every earlier version")
  func complete() {
    #expect(Set(Self.earlier.keys) == Set(1..<Schema.migrations.count))
  }

  @Test("a state of every earlier version is brought up to date with nothing lost", arguments: earlier.keys.sorted())
  func migration(_ version: Int) async throws {
    try await withHome { home in
      try home.prepare()
      let old = try DatabaseQueue(path: home.database.string)
      try await old.writeWithoutTransaction { try $0.execute(sql: SchemaTests.earlier[version] ?? "") }
      let before = try await old.read { try Self.counts($0) }
      #expect(before["certificates"] == 2 && before["revocations"] == 1 && before["crls"] == 1)
      try old.close()

      let store = try await StateStore.open(home)
      try store.keys.write(Data("not a key".utf8), as: KeyFile("keys/acme-vpn.pem"))
      #expect(try await store.integrityCheck().isEmpty)
      try await store.read { state in
        let after = try Self.counts(state.db)
        for (table, count) in before where table != "grdb_migrations" { #expect(after[table] == count, "\(table)") }
        let fresh = try DatabaseQueue()
        try Schema.migrator().migrate(fresh)
        #expect(try fresh.read(Self.definitions) == Self.definitions(state.db))
        #expect(try state.networks.get(Sample.network()).cidr.text == "10.1.0.0/24")
        let authority = try #require(try state.authorities.active(of: ProjectID("acme")))
        #expect(authority.anchor == nil)
        // Two thirds of the week from 1780000100 on; the root has no CRL.
        #expect(authority.crlDueAt.timeIntervalSince1970 == 1_780_000_100 + 604_800 * 2 / 3)
        #expect(try state.authorities.active(of: nil)?.crlDueAt.timeIntervalSince1970 == 0)
        #expect(authority.lastCrlNumber == 1)
        #expect(try state.revocations.listed(of: authority.id).count == 1)
        #expect(try state.keyPairs.find(of: ProjectID("acme"))?.name == "acme-vpn")
      }
      try await store.write { _ = try $0.launches.begin(Sample.network(), at: Sample.now) }
      try store.close()
    }
  }

  @Test("a launch that an earlier version left under way has its steps in the order of this one")
  func journal() async throws {
    try await withHome { home in
      try home.prepare()
      let old = try DatabaseQueue(path: home.database.string)
      try await old.writeWithoutTransaction { try $0.execute(sql: SchemaFixture.version4) }
      try old.close()
      let store = try await StateStore.open(home)
      let names = try await store.read {
        try String.fetchAll($0.db, sql: "SELECT name FROM launch_steps WHERE launch_id = 2 ORDER BY position")
      }
      #expect(
        names == [
          "image", "certificates", "key pair", "security group", "network", "cloud network", "payload", "boot",
          "public port",
        ])
      try store.close()
    }
  }

  @Test("a fixture is what its version made, to the last constraint", arguments: earlier.keys.sorted())
  func fixtures(_ version: Int) throws {
    let fixture = try DatabaseQueue()
    try fixture.writeWithoutTransaction { try $0.execute(sql: Self.earlier[version] ?? "") }
    let made = try DatabaseQueue()
    try Schema.migrator(upTo: version).migrate(made)
    #expect(try fixture.read(Self.definitions) == made.read(Self.definitions))
  }

  @Test("a database of a newer version is refused and not touched")
  func newer() async throws {
    try await withHome { home in
      try await StateStore.open(home).close()
      let queue = try DatabaseQueue(path: home.database.string)
      try await queue.write {
        try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99'); CREATE TABLE future (x)")
      }
      try queue.close()
      await #expect(throws: StateError.newerVersion(path: home.database)) { try await StateStore.open(home) }
      let again = try DatabaseQueue(path: home.database.string)
      #expect(try await again.read { try $0.tableExists("future") })
      try again.close()
    }
  }

  @Test("another program's database is refused and not touched")
  func foreign() async throws {
    try await withHome { home in
      try home.prepare()
      let queue = try DatabaseQueue(path: home.database.string)
      try await queue.write { try $0.execute(sql: "CREATE TABLE theirs (x)") }
      try queue.close()
      await #expect(throws: StateError.notState(path: home.database)) { try await StateStore.open(home) }
      let again = try DatabaseQueue(path: home.database.string)
      #expect(try await again.read { try !$0.tableExists("projects") && $0.tableExists("theirs") })
      try again.close()
    }
  }

  @Test("commits are durable (WAL, synchronous FULL), references are checked, and every table is strict")
  func settings() async throws {
    try await withStore { store in
      try await store.write { state in
        #expect(try String.fetchOne(state.db, sql: "PRAGMA journal_mode") == "wal")
        #expect(try Int.fetchOne(state.db, sql: "PRAGMA synchronous") == 2)
        #expect(try Int.fetchOne(state.db, sql: "PRAGMA foreign_keys") == 1)
        let loose = try String.fetchAll(
          state.db,
          sql: """
            SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict
              AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'grdb_%'
            """)
        #expect(loose.isEmpty)
      }
    }
  }

  @Test("a state may be opened as often as one likes")
  func reopening() async throws {
    try await withHome { home in
      for _ in 0..<3 {
        let one = try await StateStore.open(home)
        let two = try await StateStore.open(home)
        try await one.write { _ = try $0.projects.ensure(ProjectID("acme"), at: Sample.now) }
        #expect(try await two.read { try $0.projects.all() }.count == 1)
        try one.close()
        try two.close()
      }
    }
  }

  private static func definitions(_ db: Database) throws -> Set<String> {
    try String.fetchSet(
      db, sql: "SELECT name || ' ' || ifnull(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
  }

  private static func counts(_ db: Database) throws -> [String: Int] {
    let tables = try String.fetchAll(
      db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return try Dictionary(
      uniqueKeysWithValues: tables.map { ($0, try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") ?? 0) })
  }

  @Test("a disk without space is told as such, and what was there stays")
  func full() async throws {
    try await withStore { store in
      try await store.write { try Sample.addNetwork(to: $0) }
      try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1") }
      await #expect(throws: StateError.full(path: store.home.database)) {
        try await store.write { state in
          for number in 0..<1000 { try state.projects.ensure(ProjectID("project-\(number)"), at: Sample.now) }
        }
      }
      #expect(try await store.read { try $0.projects.all().map(\.id.text) } == ["acme"])
    }
    let noIndex = DatabaseError(resultCode: .SQLITE_IOERR_SHMSIZE)
    #expect(StateError(noIndex, path: "/home/state.db") == .full(path: "/home/state.db"))
  }
}
