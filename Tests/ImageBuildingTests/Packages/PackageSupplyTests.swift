import Foundation
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

/// Real apt against a repository on loopback.
@Suite struct PackageSupplyTests {
  private static func names(_ names: String...) -> [PackageName] { names.compactMap { PackageName($0) } }

  @Test("a second build works with the server gone, and asks apt nothing")
  func offline() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello", fields: ["Depends: helper (>= 1.0)"])
      try await repository.add("helper")
      try await repository.publish()
      let supply = PackageSupply(folder: repository.cache)
      let (guest, first) = try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        return (guest, try await supply.prepare(Self.names("hello"), for: guest))
      }
      #expect(first.packages.map(\.name) == ["helper", "hello"])
      #expect(first.packages.allSatisfy { $0.size > 0 && $0.installedSize == 7 << 10 && $0.origin.contains("Mini") })
      #expect(supply.cache.missing(first.packages).isEmpty)

      let events = RequestLog()
      let clock = ContinuousClock()
      let start = clock.now
      let second = try await supply.prepare(Self.names("hello"), for: guest, freshness: .offline) {
        events.add("\($0)")
      }
      #expect(second == first)
      #expect(events.all == [])
      #expect(clock.now - start < .milliseconds(200))

      let laid = repository.folder.appending("laid")
      try await supply.layOut(second, for: guest, in: laid, offline: true)
      #expect(
        try Folder.names(in: laid) == [
          "extended_states", "hello_1.0_all.deb", "helper_1.0_all.deb", "install-packages.sh", "installed", "steps",
          "wanted",
        ])
      #expect(
        try String(contentsOfFile: laid.appending("steps").string, encoding: .utf8)
          == "unpack helper_1.0_all.deb hello_1.0_all.deb\n")
      // Another question can be answered offline, too; packages that were never fetched can't.
      let other = try await supply.resolver.resolve(Self.names("helper"), for: guest, freshness: .offline)
      #expect(other.packages.map(\.name) == ["helper"])
    }
  }

  @Test("what is installed at a version that will do is left alone, what is too old is upgraded")
  func installed() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello", fields: ["Depends: old (>= 2.0), fine (>= 1.0)"])
      try await repository.add("old", "2.0")
      try await repository.add("fine", "3.0")
      try await repository.publish()
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri, installed: ["old 1.0", "fine 1.5"])
        let supply = PackageSupply(folder: repository.cache)
        let found = try await supply.resolver.resolve(Self.names("hello", "fine"), for: guest)
        #expect(
          found.packages.map { "\($0.name) \($0.replaces ?? "-") \($0.version)" } == ["old 1.0 2.0", "hello - 1.0"])
        let nothing = try await supply.resolver.resolve(Self.names("fine"), for: guest)
        #expect(nothing.packages == [] && nothing.steps == [] && nothing.wanted == ["fine"])
      }
    }
  }

  @Test("a signature that isn't there, isn't right or isn't by a trusted key lets nothing in", arguments: 0..<3)
  func signatures(_ kind: Int) async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish(signature: [.missing, .tampered, .good][kind])
      try await repository.serving { server in
        var guest = try await repository.guest(server.uri)
        if kind == 2 {
          // Debian's keys, of which none signed this.
          let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
          for path in guest.keyrings.keys { guest.keyrings[path] = Array(try Data(contentsOf: URL(filePath: keyring))) }
        }
        let supply = PackageSupply(folder: repository.cache)
        let error = await #expect(throws: PackageError.self) {
          try await supply.prepare(Self.names("hello"), for: guest)
        }
        guard case .untrusted = error else { throw Wrong(error: error) }
        #expect(supply.resolver.isWithoutIndex(for: guest))
      }
    }
  }

  @Test("an expired source is refused, but one in the cache goes on working offline")
  func expired() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.add("other")
      try await repository.publish(dated: -7200, validUntil: 3600)
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let supply = PackageSupply(folder: repository.cache)
        let first = try await supply.prepare(Self.names("hello"), for: guest)
        try await repository.publish(dated: -7200, validUntil: -3600)
        let error = await #expect(throws: PackageError.self) {
          try await supply.prepare(Self.names("hello"), for: guest, freshness: .refresh)
        }
        guard case .releaseExpired = error else { throw Wrong(error: error) }
        #expect(try await supply.prepare(Self.names("hello"), for: guest, freshness: .offline) == first)

        // The one in the cache grows old, and apt is asked something new.
        let index = try AptIndex(cache: repository.cache, guest: guest)
        let lists = index.path(of: try #require(index.current)).appending("lists")
        for name in try Folder.names(in: lists) where name.hasSuffix("InRelease") {
          let text = try String(contentsOfFile: lists.appending(name).string, encoding: .utf8)
          let old = text.replacing(/Valid-Until: .*/, with: "Valid-Until: Mon, 01 Jan 2024 00:00:00 UTC")
          #expect(old != text)
          try AtomicFile.write(old, to: lists.appending(name))
        }
        let other = try await supply.resolver.resolve(Self.names("other"), for: guest, freshness: .offline)
        #expect(other.packages.map(\.name) == ["other"])
      }
    }
  }

  @Test("a source from the future blames the clock")
  func future() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish(dated: 864_000, validUntil: 1_000_000)
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let error = await #expect(throws: PackageError.self) {
          try await PackageSupply(folder: repository.cache).prepare(Self.names("hello"), for: guest)
        }
        guard case .clockBehind = error else { throw Wrong(error: error) }
      }
    }
  }

  @Test("a package that isn't what the index promises never reaches the cache")
  func wrongContent() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish()
      var bytes = try Data(contentsOf: URL(filePath: repository.pool("hello").string))
      bytes[bytes.count - 70] ^= 1
      try AtomicFile.write(bytes, to: repository.pool("hello"))
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let supply = PackageSupply(folder: repository.cache)
        let error = await #expect(throws: PackageError.self) {
          try await supply.prepare(Self.names("hello"), for: guest)
        }
        guard case .digestMismatch = error else { throw Wrong(error: error) }
        #expect(try Folder.names(in: supply.cache.folder) == ["lock"])
      }
    }
  }

  @Test("a package that the mirror lost is named; one that it replaced is found in its new version")
  func mirrorMovedOn() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish()
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let supply = PackageSupply(folder: repository.cache)
        let old = try await supply.resolver.resolve(Self.names("hello"), for: guest)
        try repository.withdraw("hello")
        let error = await #expect(throws: PackageError.self) {
          try await supply.prepare(Self.names("hello"), for: guest)
        }
        guard case .notOnMirror(let explanation) = error else { throw Wrong(error: error) }
        #expect(explanation.contains("hello_1.0_all.deb"))

        try await repository.add("hello", "2.0")
        try await repository.publish()
        let new = try await supply.prepare(Self.names("hello"), for: guest)
        #expect(old.packages.map(\.version) == ["1.0"] && new.packages.map(\.version) == ["2.0"])
        #expect(old.digest != new.digest)
      }
    }
  }

  @Test("the index is asked for again when it is a day old, or comes from the future")
  func freshness() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish()
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        for (seconds, asked) in [(0.0, 1), (86_000, 1), (86_500, 2), (0, 3), (60, 3)] {
          let supply = PackageSupply(folder: repository.cache) { Date(timeIntervalSince1970: 2e9 + seconds) }
          _ = try await supply.resolver.resolve(Self.names("hello"), for: guest)
          #expect(server.requests.count("GET /./InRelease") == asked, "after \(seconds) s")
        }
      }
    }
  }

  @Test("what can't be resolved is explained")
  func unresolvable() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("openvpn", fields: ["Depends: missing-library"])
      try await repository.add("rival", fields: ["Conflicts: resident"])
      try await repository.add("one", fields: ["Provides: many"])
      try await repository.add("two", fields: ["Provides: many, sole"])
      try await repository.publish()
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri, installed: ["resident 1.0"])
        let resolver = PackageResolver(cache: repository.cache)
        func failure(_ name: String) async throws -> PackageError? {
          await #expect(throws: PackageError.self) { try await resolver.resolve(Self.names(name), for: guest) }
        }
        #expect(
          try await failure("opnvpn") == .unknownPackage("opnvpn", nearest: ["openvpn"], skippedSources: []))
        #expect(try await failure("rival+") == .unknownPackage("rival+", nearest: ["rival"], skippedSources: []))
        guard case .conflict(let explanation) = try await failure("openvpn") else { throw Wrong(error: nil) }
        #expect(explanation.contains("missing-library"))
        #expect(try await failure("rival") == .wouldRemove(["resident"]))
        guard case .ambiguousPackage("many", let providers) = try await failure("many") else { throw Wrong(error: nil) }
        #expect(providers.contains("one") && providers.contains("two"))
        #expect(try await resolver.resolve(Self.names("sole"), for: guest).wanted == ["two"])
      }
    }
  }

  @Test("without a network, the error says so and what --offline lacks")
  func unreachable() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.add("other")
      try await repository.publish()
      let supply = PackageSupply(folder: repository.cache)
      let guest = try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let error = await #expect(throws: PackageError.self) {
          try await supply.prepare(Self.names("hello"), for: guest, freshness: .offline)
        }
        #expect(error == .offlineWithoutIndex(sources: ["\(server.uri) ./"]))
        _ = try await supply.prepare(Self.names("hello"), for: guest)
        return guest
      }
      let refused = await #expect(throws: PackageError.self) {
        try await supply.prepare(Self.names("hello"), for: guest, freshness: .refresh)
      }
      guard case .unreachable = refused else { throw Wrong(error: refused) }
      let offline = await #expect(throws: PackageError.self) {
        try await supply.prepare(Self.names("other"), for: guest, freshness: .offline)
      }
      #expect(offline == .offlineWithoutPackages(["other 1.0"]))
      // The failed refresh has spoiled nothing.
      _ = try await supply.prepare(Self.names("hello"), for: guest, freshness: .offline)
    }
  }

  @Test("a spoiled package in the cache is thrown away and fetched again")
  func spoiled() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish()
      let supply = PackageSupply(folder: repository.cache)
      let (guest, found) = try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let found = try await supply.prepare(Self.names("hello"), for: guest)
        let path = supply.cache.path(of: try #require(found.packages.first))
        let good = try Data(contentsOf: URL(filePath: path.string))
        try AtomicFile.write(Data(repeating: 0, count: good.count), to: path)
        let events = RequestLog()
        try await supply.fetch(found, for: guest) { events.add("\($0)") }
        #expect(events.count("discarded") == 1)
        #expect(try Data(contentsOf: URL(filePath: path.string)) == good)
        try AtomicFile.write("short", to: path)
        return (guest, found)
      }
      await #expect(throws: PackageError.offlineWithoutPackages(["hello 1.0"])) {
        try await supply.fetch(found, for: guest, offline: true)
      }
    }
  }

  @Test("eight builds at once download a package once, and leftovers of killed ones are cleared")
  func concurrent() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish()
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let index = try AptIndex(cache: repository.cache, guest: guest)
        for name in ["run-killed", "index-killed/lists/partial"] { try Folder.make(index.folder.appending(name)) }
        try Folder.make(repository.cache.appending("debs/incoming-killed"))
        let supply = PackageSupply(folder: repository.cache)
        try await withThrowingTaskGroup(of: Resolution.self) { group in
          for _ in 1...8 { group.addTask { try await supply.prepare(Self.names("hello"), for: guest) } }
          for try await resolution in group { #expect(resolution.packages.count == 1) }
        }
        #expect(server.requests.count("hello_1.0_all.deb") == 1)
        #expect(server.requests.count("GET /./InRelease") == 1)
        let left = try Folder.names(in: index.folder) + Folder.names(in: supply.cache.folder)
        #expect(left.filter { $0.hasPrefix("run-") || $0.hasPrefix("incoming-") || $0.contains("killed") } == [])
      }
    }
  }

  @Test("pruning removes indexes that nobody used for a month, and a build gets them again")
  func prune() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish()
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let supply = PackageSupply(folder: repository.cache)
        let first = try await supply.prepare(Self.names("hello"), for: guest)
        try supply.prune(budget: 1 << 20)
        #expect(!supply.resolver.isWithoutIndex(for: guest) && supply.cache.missing(first.packages) == [])
        try supply.prune(budget: 0, indexAge: -60)
        #expect(supply.resolver.isWithoutIndex(for: guest) && supply.cache.missing(first.packages) == first.packages)
        #expect(try await supply.prepare(Self.names("hello"), for: guest) == first)
      }
    }
  }

  @Test("a build that is killed while it downloads leaves nothing half-made, and the next one goes on")
  func cancelled() async throws {
    try await MiniRepository.with { repository in
      try await repository.add("hello")
      try await repository.publish()
      try await repository.serving { server in
        let guest = try await repository.guest(server.uri)
        let supply = PackageSupply(folder: repository.cache)
        // Ended at many moments: while the index comes, while apt thinks, while packages come.
        for milliseconds in stride(from: 20, to: 1200, by: 90) {
          let build = Task { try await supply.prepare(Self.names("hello"), for: guest, freshness: .refresh) }
          try await Task.sleep(for: .milliseconds(milliseconds))
          build.cancel()
          _ = await build.result
          for name in try Folder.names(in: supply.cache.folder) where name.hasSuffix(".deb") {
            let digest = try Digest.ofFile(supply.cache.folder.appending(name))
            #expect(name == "sha256-\(digest).deb")
          }
        }
        let found = try await supply.prepare(Self.names("hello"), for: guest)
        #expect(supply.cache.missing(found.packages) == [])
      }
    }
  }

  @Test("apt's settings can't be broken by the name of the cache folder")
  func badFolder() async throws {
    try await MiniRepository.with { repository in
      let guest = try await repository.guest("http://127.0.0.1:1")
      for path in ["/tmp/a b", "/tmp/a\"; Dir::Bin::dpkg \"x", "relative"] {
        await #expect(throws: PackageError.badCacheFolder(FilePath(path))) {
          try await PackageResolver(cache: FilePath(path)).resolve(Self.names("hello"), for: guest)
        }
      }
    }
  }
}

/// Another error than the one expected.
struct Wrong: Error {
  let error: (any Error)?
}

extension PackageResolver {
  func isWithoutIndex(for guest: GuestPackages) -> Bool {
    (try? AptIndex(cache: cache, guest: guest).current) == nil
  }
}
