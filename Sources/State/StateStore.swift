import Foundation
import GRDB
import Glibc
import Host
import SystemPackage

/// The truth about projects, networks, addresses, ports, certificates, images and instances: a SQLite database that
/// any number of processes may use at the same time.
///
/// Every ``write(_:)`` is one transaction that took the write lock before it read anything (`BEGIN IMMEDIATE`), so that
/// what it hands out — an address, a port, a CRL number — can't be handed out by anybody else, and a kill at any instant
/// leaves the old state or the new. Writers wait up to ``patience`` for each other; readers never wait.
public final class StateStore: Sendable {
  /// Where it is kept.
  public let home: Home
  /// The private keys that rows refer to.
  public let keys: KeyStore
  let pool: DatabasePool

  /// How long a process waits for the others' transactions, in seconds.
  public static let patience = 30

  private init(home: Home, pool: DatabasePool) {
    self.home = home
    self.pool = pool
    keys = KeyStore(home: home)
  }

  /// Opens the state in `home`, makes it if there is none, and brings its schema up to date.
  ///
  /// - Throws: ``StateError``, `HostError`, `CancellationError`.
  public static func open(_ home: Home) async throws -> StateStore { try await open(home, restoring: false) }

  /// - Parameter restoring: whether a state that is lost is what is to be mended.
  static func open(_ home: Home, restoring: Bool) async throws -> StateStore {
    try home.prepare()
    // One at a time: turning WAL on and migrating are not safe against another process that does the same.
    let lock = try await FileLock.wait(for: home.lock)
    defer { withExtendedLifetime(lock) {} }
    try StagedBackup.sweep(home)
    return try await retryingWhileBusy(home.database) {
      let store = try openLocked(home, restoring: restoring)
      try store.publishRestoredKeys()
      return store
    }
  }

  /// - Throws: ``StateError/lost(home:)`` where there are files and nothing that they could come from.
  private static func checkIsNotLost(_ pool: DatabasePool, in home: Home) throws {
    let signs: [(lacksRows: (Database) throws -> Bool, holdsFiles: () throws -> Bool)] = [
      (Schema.isMissing, home.holdsFiles), (Schema.isUnused, home.holdsExports),
    ]
    for sign in signs {
      // Once more afterwards: what is being made at this moment has its rows first.
      guard try pool.read(sign.lacksRows), try sign.holdsFiles(), try pool.read(sign.lacksRows) else { continue }
      throw StateError.lost(home: home.path)
    }
  }

  private static func openLocked(_ home: Home, restoring: Bool) throws -> StateStore {
    if !restoring { try home.checkIsNotLost() }
    // SQLite gives its -wal and -shm files the mode of the database, so that is right before SQLite sees it.
    let descriptor = Glibc.open(home.database.string, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw HostError.file(doing: "open", path: home.database, errno: errno) }
    fchmod(descriptor, 0o600)
    Glibc.close(descriptor)
    return try translated(home.database) {
      let pool = try DatabasePool(path: home.database.string, configuration: Schema.configuration())
      // GRDB sets NORMAL for WAL, with which a power cut may take back what was committed: a revocation, say.
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      if !restoring { try checkIsNotLost(pool, in: home) }
      try Schema.bringUpToDate(pool, path: home.database)
      return StateStore(home: home, pool: pool)
    }
  }

  /// Reads one consistent snapshot.
  ///
  /// - Throws: what `body` throws, ``StateError``, `CancellationError`.
  public func read<Result: Sendable>(_ body: @Sendable (Transaction) throws -> Result) async throws -> Result {
    try await translated(home.database) {
      try await pool.read { try body(Transaction(db: $0, keys: keys)) }
    }
  }

  /// Runs `body` as one transaction: all of it is durable when this returns, or none of it ever was.
  ///
  /// - Throws: what `body` throws, ``StateError``, `CancellationError`.
  @discardableResult
  public func write<Result: Sendable>(_ body: @Sendable (Transaction) throws -> Result) async throws -> Result {
    try await translated(home.database) {
      try await pool.write { try body(Transaction(db: $0, keys: keys)) }
    }
  }

  /// Closes the connections.
  ///
  /// - Throws: ``StateError``.
  public func close() throws { try translated(home.database) { try pool.close() } }
}

/// Runs `body` again while another process holds a lock that SQLite doesn't wait for by itself (as when a log is being
/// recovered after a kill), up to the store's patience.
private func retryingWhileBusy<Result>(_ path: FilePath, _ body: () throws -> Result) async throws -> Result {
  let deadline = ContinuousClock.now + .seconds(StateStore.patience)
  while true {
    do {
      return try body()
    } catch StateError.busy(let path) {
      if ContinuousClock.now > deadline { throw StateError.busy(path: path) }
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
