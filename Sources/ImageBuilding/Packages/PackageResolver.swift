public import Foundation
import Glibc
import Host
public import SystemPackage

/// Finds out which packages have to be installed into a guest, with the apt of this machine and the sources of the
/// guest.
///
/// The index is kept in the cache and asked for again when it is older than a day; the result is remembered for as long
/// as index, guest and question stay the same, and takes no run of apt then.
public struct PackageResolver: Sendable {
  /// When the mirrors are asked for a newer index.
  public enum Freshness: Equatable, Sendable {
    /// When the one in the cache is older than this many seconds.
    case within(seconds: Int)
    /// Always.
    case refresh
    /// Never; nothing touches the network.
    case offline

    /// Within a day.
    public static let daily = Freshness.within(seconds: 86_400)
  }

  /// The folder that holds `apt/`.
  public let cache: FilePath
  let now: @Sendable () -> Date

  /// - Parameters:
  ///   - cache: an absolute path; made when it is missing.
  ///   - now: the clock by which an index grows old.
  public init(cache: FilePath, now: @escaping @Sendable () -> Date = { Date() }) {
    self.cache = cache
    self.now = now
  }

  /// What has to be installed so that all of `wanted` are there. What the guest has at a version that will do is left
  /// alone; a package that has to be newer for another's sake is upgraded; nothing is ever removed.
  ///
  /// - Parameter withRecommends: also install what packages recommend.
  /// - Throws: ``PackageError``, `HostError`, `CancellationError`.
  public func resolve(
    _ wanted: [PackageName], for guest: GuestPackages, withRecommends: Bool = false, freshness: Freshness = .daily,
    events: @escaping @Sendable (PackageEvent) -> Void = { _ in }
  ) async throws -> Resolution {
    let index = try AptIndex(cache: cache, guest: guest)
    let question = PackageQuestion(guest: guest, wanted: wanted, withRecommends: withRecommends)
    if let current = index.current, isFresh(current, freshness), let known = index.memo(question, in: current) {
      return known
    }
    return try await index.locked(events: events) {
      let current = try await self.index(index, freshness, events: events)
      if let known = index.memo(question, in: current) { return known }
      events(.resolving)
      let answer = try await question.ask(index, in: index.path(of: current))
      try index.remember(answer, question, in: current)
      return answer
    }
  }

  func index(
    _ index: AptIndex, _ freshness: Freshness, events: @Sendable (PackageEvent) -> Void
  ) async throws -> AptIndex.Current {
    // Another process may have refreshed it while this one waited for the lock.
    if let current = index.current, isFresh(current, freshness) { return current }
    guard freshness != .offline else {
      throw PackageError.offlineWithoutIndex(sources: index.guest.sources.map(\.summary))
    }
    events(.refreshing)
    return try await index.refresh(now: now())
  }

  func isFresh(_ current: AptIndex.Current, _ freshness: Freshness) -> Bool {
    switch freshness {
    case .offline: true
    case .refresh: false
    case .within(let seconds):
      // One from the future was made by a clock that was wrong.
      (0...seconds).contains(Int(now().timeIntervalSince1970) - current.checked)
    }
  }
}

extension AptSource {
  /// For messages: where it is and what of it, without a password.
  var summary: String {
    let place =
      switch location {
      case .uri(let uri): uri
      case .mirrorList(let path): path.string
      case .mirrors(let uris): uris.first ?? ""
      }
    return AptComplaint.withoutPassword(([place] + suites).joined(separator: " "))
  }
}

extension AptIndex {
  fileprivate func memo(_ question: PackageQuestion, in current: Current) -> Resolution? {
    FileManager.default.contents(atPath: memoPath(question, in: current).string)
      .flatMap { try? JSONDecoder().decode(Resolution.self, from: $0) }
  }

  fileprivate func remember(_ answer: Resolution, _ question: PackageQuestion, in current: Current) throws {
    let path = memoPath(question, in: current)
    try Folder.make(path.removingLastComponent())
    try AtomicFile.write(try JSONEncoder().encode(answer), to: path)
  }

  private func memoPath(_ question: PackageQuestion, in current: Current) -> FilePath {
    path(of: current).appending("answers").appending("\(question.digest.hex).json")
  }
}
