public import Foundation
import Glibc
import Host
public import SystemPackage

/// Gets packages for a guest: finds out which, downloads them, and lays them out for the guest.
///
/// apt does the downloading, so proxies, credentials, mirrors and retries are those of this machine's apt.
public struct PackageSupply: Sendable {
  public let resolver: PackageResolver
  public let cache: PackageCache

  /// - Parameters:
  ///   - folder: the cache, an absolute path; indexes go to `apt/` in it, packages to `debs/`.
  ///   - now: the clock by which an index grows old.
  public init(folder: FilePath, now: @escaping @Sendable () -> Date = { Date() }) {
    resolver = PackageResolver(cache: folder, now: now)
    cache = PackageCache(folder: folder.appending("debs"))
  }

  /// Finds out what `guest` needs and has all of it in the cache in the end.
  ///
  /// A mirror drops a package when there is a newer one: where the index turns out to be older than the mirror, it is
  /// fetched again, once.
  ///
  /// - Throws: ``PackageError``, `HostError`, `CancellationError`.
  public func prepare(
    _ wanted: [PackageName], for guest: GuestPackages, withRecommends: Bool = false,
    freshness: PackageResolver.Freshness = .daily, events: @escaping @Sendable (PackageEvent) -> Void = { _ in }
  ) async throws -> Resolution {
    let resolve = { (freshness: PackageResolver.Freshness) in
      try await resolver.resolve(
        wanted, for: guest, withRecommends: withRecommends, freshness: freshness, events: events)
    }
    let first = try await resolve(freshness)
    do {
      try await fetch(first, for: guest, offline: freshness == .offline, events: events)
      return first
    } catch let error as PackageError where error.mayPassWithNewIndex && freshness != .offline {
      let second = try await resolve(.refresh)
      // The mirror still promises what it doesn't have: asking again won't help.
      guard second.digest != first.digest else { throw error }
      try await fetch(second, for: guest, offline: false, events: events)
      return second
    }
  }

  /// Downloads what the cache lacks of a resolution.
  ///
  /// - Throws: ``PackageError/offlineWithoutPackages(_:)`` and the rest of ``PackageError``, `HostError`,
  ///   `CancellationError`.
  public func fetch(
    _ resolution: Resolution, for guest: GuestPackages, offline: Bool = false,
    events: @escaping @Sendable (PackageEvent) -> Void = { _ in }
  ) async throws {
    guard !(try cache.check(resolution.packages, events: events)).isEmpty else { return }
    try Folder.make(cache.folder)
    let lock = try await FileLock.wait(for: cache.folder.appending("lock")) { events(.waiting) }
    defer { withExtendedLifetime(lock) {} }
    // Whoever held the lock may have fetched them.
    let missing = try cache.check(resolution.packages, events: events)
    guard !missing.isEmpty else { return }
    guard !offline else { throw PackageError.offlineWithoutPackages(missing.map { "\($0.name) \($0.version)" }) }
    for name in try Folder.names(in: cache.folder) where name.hasPrefix("incoming-") {
      try Folder.remove(cache.folder.appending(name))
    }
    let incoming = cache.folder.appending("incoming-\(String(UInt64.random(in: .min ... .max), radix: 36))")
    try Folder.make(incoming)
    defer { try? Folder.remove(incoming) }
    try await download(missing, for: guest, into: incoming, events: events)
    for package in missing { try cache.adopt(incoming.appending(package.fileName), as: package) }
  }

  /// Lays the .debs of a resolution into `folder`, with all that ``InstallScript`` needs beside them.
  ///
  /// - Parameter folder: empty; made when it is missing.
  /// - Throws: ``PackageError``, `HostError`, `CancellationError`.
  public func layOut(
    _ resolution: Resolution, for guest: GuestPackages, in folder: FilePath, offline: Bool = false,
    events: @escaping @Sendable (PackageEvent) -> Void = { _ in }
  ) async throws {
    try Folder.make(folder)
    var left = resolution.packages
    // Somebody may prune the cache, or a disk may spoil it, between the download and its use.
    for _ in 1...3 where !left.isEmpty {
      try await fetch(resolution, for: guest, offline: offline, events: events)
      left = try await cache.lay(left, into: folder)
    }
    guard left.isEmpty else { throw PackageError.offlineWithoutPackages(left.map(\.name)) }
    for (name, bytes) in InstallScript(resolution, guest: guest).files {
      try AtomicFile.write(bytes, to: folder.appending(name))
    }
  }

  /// Removes packages that were used longest ago until the rest fits into `budget` bytes, and indexes that are
  /// older than `indexAge` seconds.
  ///
  /// - Parameter sparing: seconds since 1970; packages that were used since stay.
  /// - Throws: `HostError`.
  func prune(budget: UInt64, sparing: Int = .max, indexAge: Int = 30 * 86_400) throws {
    try cache.prune(budget: budget, sparing: sparing)
    try AptIndex.prune(
      cache: resolver.cache, checkedBefore: Int(resolver.now().timeIntervalSince1970) - indexAge)
  }

  private func download(
    _ packages: [ResolvedPackage], for guest: GuestPackages, into incoming: FilePath,
    events: @escaping @Sendable (PackageEvent) -> Void
  ) async throws {
    let index = try AptIndex(cache: resolver.cache, guest: guest)
    try await index.locked(events: events) {
      guard let current = index.current else {
        throw PackageError.notOnMirror(explanation: "the package index is gone from the cache")
      }
      if AptSettings.sandboxUser(for: incoming) == "_apt", let user = getpwnam("_apt")?.pointee {
        chown(incoming.string, user.pw_uid, getegid())
      }
      let bytes = packages.reduce(0) { $0 + $1.size }
      try Self.checkSpace(for: bytes, at: incoming)
      events(.downloading(percent: 0, bytes: bytes))
      let names = packages.map { "\($0.name):\($0.architecture)=\($0.version)" }
      try await index.run(
        "apt-get", ["-q", "-o", "APT::Status-Fd=2", "download", "--"] + names, index: index.path(of: current),
        workingFolder: incoming
      ) { line in
        // "dlstatus:item:percent:description" (apt's README.progress-reporting)
        let parts = line.split(separator: ":", maxSplits: 3)
        guard parts.first == "dlstatus", parts.count > 2, let percent = Double(parts[2]) else { return }
        events(.downloading(percent: percent, bytes: bytes))
      }
    }
  }

  private static func checkSpace(for bytes: UInt64, at folder: FilePath) throws {
    guard try Folder.freeSpace(at: folder) > bytes + 16 << 20 else { throw PackageError.diskFull(folder) }
  }
}

extension PackageError {
  /// What an index older than its mirror looks like.
  fileprivate var mayPassWithNewIndex: Bool {
    switch self {
    case .notOnMirror, .digestMismatch: true
    default: false
    }
  }
}
