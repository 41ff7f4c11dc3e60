import Foundation
import Host
import SystemPackage

extension PackageResolver {
  /// The packages that every system of a distribution has (`Essential: yes`, Debian policy 3.8), with all they need.
  ///
  /// - Parameters:
  ///   - system: one without anything installed.
  ///   - distribution: whose sources those of `system` have to turn out to be.
  /// - Throws: ``BaseError/foreignSource(source:origin:system:)``, ``PackageError``, `HostError`, `CancellationError`.
  func essentials(
    of distribution: Distribution, for system: GuestPackages, freshness: Freshness,
    events: @escaping @Sendable (PackageEvent) -> Void
  ) async throws -> [PackageName] {
    let index = try AptIndex(cache: cache, guest: system)
    if let current = index.current, isFresh(current, freshness), let known = index.knownEssentials(in: current) {
      return known
    }
    return try await index.locked(events: events) {
      let current = try await self.index(index, freshness, events: events)
      if let known = index.knownEssentials(in: current) { return known }
      try index.checkOrigins(distribution, in: current)
      events(.resolving)
      let text = try await index.run(
        "apt-get", ["-q", "-y", "--simulate", "--no-install-recommends", "install", "?essential"],
        index: index.path(of: current))
      let names = try AptTranscript.changes(in: text).filter { $0.kind == .install }
        .compactMap { PackageName($0.package.beforeColon) }
      guard !names.isEmpty else { throw PackageError.aptFailed(explanation: "it knows no essential package") }
      let path = index.essentialsPath(in: current)
      try Folder.make(path.removingLastComponent())
      try AtomicFile.write(try JSONEncoder().encode(names), to: path)
      return names
    }
  }
}

extension AptIndex {
  fileprivate func essentialsPath(in current: Current) -> FilePath {
    path(of: current).appending("answers").appending("essential.json")
  }

  fileprivate func knownEssentials(in current: Current) -> [PackageName]? {
    FileManager.default.contents(atPath: essentialsPath(in: current).string)
      .flatMap { try? JSONDecoder().decode([PackageName].self, from: $0) }
  }

  /// Who signs a source says in its Release file whose it is.
  fileprivate func checkOrigins(_ distribution: Distribution, in current: Current) throws {
    let lists = path(of: current).appending("lists")
    for name in try Folder.names(in: lists) where name.hasSuffix("Release") {
      let start = try ImageFile(lists.appending(name)).read(at: 0, count: 4096)
      let line = String(decoding: start, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("Origin: ") }
      let origin = line.map { String($0.dropFirst("Origin: ".count)) } ?? "nobody"
      guard origin == distribution.origin else {
        throw BaseError.foreignSource(source: name, origin: origin, system: distribution.origin)
      }
    }
  }
}
