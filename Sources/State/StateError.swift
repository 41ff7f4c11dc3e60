public import Names
public import SystemPackage

/// What can go wrong with the state; every case names the thing that it is about.
public enum StateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no `kind` called `id`.
  case notFound(kind: String, id: String)
  /// There already is a `kind` called `id`.
  case alreadyExists(kind: String, id: String)
  /// The `kind` called `id` can't go or change while something else needs it; `why` says what.
  case inUse(kind: String, id: String, why: String)
  /// The `kind` called `id` breaks a rule of the schema; `why` names it.
  case invalid(kind: String, id: String, why: String)
  /// The `kind` called `id` can't be what it was asked to be; `why` says what it can.
  case unsuitable(kind: String, id: String, why: String)
  /// Every address of `network` that may be handed out is taken.
  case noFreeAddress(network: String)
  /// Every port of `address` from `first` to `last` is taken.
  case noFreePort(address: IPv4Address, first: PortNumber, last: PortNumber)
  /// No network of that prefix length is left in `range`.
  case noFreeNetwork(range: IPv4Network, prefixLength: Int)
  /// The home folder can't be used.
  case homeUnusable(path: FilePath, why: String, remedy: String)
  /// The keys in `home` are there, and the database that knows whose they are isn't.
  case lost(home: FilePath)
  /// The database at `path` was written by a newer cpbuild.
  case newerVersion(path: FilePath)
  /// The file at `path` isn't a database of cpbuild.
  case notState(path: FilePath)
  /// The database at `path` is damaged; `findings` is what SQLite says.
  case damaged(path: FilePath, findings: [String])
  /// SQLite is older than the schema needs.
  case sqliteTooOld(found: String, needed: String)
  /// Other processes kept the database at `path` locked for longer than cpbuild waits.
  case busy(path: FilePath)
  /// The private key at `path` can't be used.
  case key(path: FilePath, why: String, remedy: String)
  /// A restore would lose what the backup doesn't have.
  case restoreLoses(RestoreLoss, backup: FilePath)
  /// There is no space left for the database at `path`.
  case full(path: FilePath)
  /// SQLite refused something else.
  case database(path: FilePath, message: String)

  public var description: String {
    switch self {
    case .notFound(let kind, let id): "there is no \(kind) \(id)"
    case .alreadyExists(let kind, let id): "there already is a \(kind) \(id)"
    case .inUse(let kind, let id, let why): "the \(kind) \(id) is in use: \(why)"
    case .invalid(let kind, let id, let why): "the \(kind) \(id) can't be stored: \(why)"
    case .unsuitable(let kind, let id, let why): "the \(kind) \(id) can't be had: \(why)"
    case .noFreeAddress(let network):
      "the network \(network) has no free address left: make the pool smaller or terminate an instance"
    case .noFreePort(let address, let first, let last):
      "\(address) has no free port left from \(first) to \(last): widen the range or add a public address"
    case .noFreeNetwork(let range, let length): "\(range) has no free /\(length) left: give a network with --cidr"
    case .homeUnusable(let path, let why, let remedy): "can't keep state in \(path): \(why): \(remedy)"
    case .lost(let home):
      "the state in \(home) is gone, and its keys and certificates are still there: 'cpbuild restore FILE' brings it back from "
        + "a backup; to begin anew move the folder away"
    case .newerVersion(let path): "\(path) was written by a newer cpbuild: install that version or a later one"
    case .notState(let path): "\(path) isn't a database of cpbuild"
    case .damaged(let path, let findings):
      "\(path) is damaged (\(findings.prefix(3).joined(separator: "; "))): restore a backup with 'cpbuild restore FILE'"
    case .sqliteTooOld(let found, let needed): "SQLite \(found) is too old: install \(needed) or later"
    case .busy(let path):
      "other processes kept \(path) locked for \(StateStore.patience) s: 'fuser -v \(path)' lists them; try again when they are done"
    case .key(let path, let why, let remedy): "can't use the private key \(path): \(why): \(remedy)"
    case .restoreLoses(let loss, let backup):
      "restoring \(backup) would lose \(loss): use --force if that is wanted; revocations and CRL numbers are kept even then"
    case .full(let path): "no space is left for the database \(path): free some there and run the command again"
    case .database(let path, let message): "the database \(path) refused: \(message)"
    }
  }
}
