import Foundation
import HTTPDouble
import Host
import Synchronization
import SystemPackage
import Testing

@testable import ImageBuilding

@Suite("a downloaded base")
struct DownloadTests {
  /// A disk with a partition table, 3 MiB of it random.
  private func image(in folder: FilePath) async throws -> (path: FilePath, digest: Digest) {
    let disk = folder.appending("disk.raw")
    try await DiskLayout.make(disk, size: 32 << 20)
    try await Command(
      "dd", ["if=/dev/urandom", "of=\(disk)", "bs=1M", "count=3", "seek=9", "conv=notrunc", "status=none"]
    ).run()
    let path = folder.appending("disk.img")
    try await Command("qemu-img", ["convert", "-O", "qcow2", disk.string, path.string]).run()
    return (path, try Digest.ofFile(path))
  }

  private func store(
    _ folder: FilePath, freshness: PackageResolver.Freshness = .daily, limit: UInt64 = 1 << 30,
    events: @escaping @Sendable (BaseEvent) -> Void = { _ in }
  ) -> BaseStore {
    var limits = BaseStore.Limits()
    limits.download = limit
    var store = BaseStore(
      cache: folder.appending("cache"), freshness: freshness, epoch: SourceDateEpoch.standard, limits: limits,
      events: events)
    store.settings.patience = .init(connect: .seconds(20), read: .seconds(20))
    store.settings.pause = .milliseconds(10)
    return store
  }

  private func with(
    _ behaviour: [String] = [],
    _ body: (FilePath, HTTPTestServer, (path: FilePath, digest: Digest)) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let image = try await image(in: folder)
      try await HTTPTestServer.with(folder: folder, behaviour: behaviour) { try await body(folder, $0, image) }
    }
  }

  @Test("is in the cache under its checksum, and isn't fetched twice")
  func whole() async throws {
    try await with { folder, server, image in
      let source = Recipe.Base.url(server.url("disk.img"), checksum: .digest(image.digest))
      let size = try ImageFile(image.path).identity.size
      let events = Mutex<[BaseEvent]>([])
      let store = store(folder) { event in events.withLock { $0.append(event) } }
      #expect(try await store.plan(source).work == .download(url: server.url("disk.img"), bytes: size))
      let bases = try Folder.names(in: folder.appending("cache/bases"))
      #expect(bases.isEmpty)
      let base = try await store.prepare(source)
      #expect(base.path.lastComponent?.string == "sha256-\(image.digest.hex)")
      #expect(base.format == .qcow2)
      #expect(base.virtualSize == 32 << 20)
      #expect(try Digest.ofFile(base.path) == image.digest)
      let told = events.withLock { $0 }
      #expect(told.contains { if case .downloading(_, size, size, _) = $0 { true } else { false } })
      let requests = try server.requests()
      #expect(try await store.prepare(source) == base)
      #expect(try await store.plan(source).work == .cached(path: base.path))
      #expect(try server.requests() == requests)
      let downloads = try Folder.names(in: folder.appending("cache/downloads"))
      #expect(downloads.allSatisfy { $0.hasSuffix(".lock") })
      // Offline too, since it is there.
      #expect(try await self.store(folder, freshness: .offline).prepare(source) == base)
    }
  }

  @Test("goes on where the connection broke, as often as it breaks")
  func resume() async throws {
    try await with(["cut=700000"]) { folder, server, image in
      let base = try await store(folder).prepare(.url(server.url("disk.img"), checksum: .digest(image.digest)))
      #expect(try Digest.ofFile(base.path) == image.digest)
      let ranges = try server.requests().filter { $0.contains("range=bytes=") }
      #expect(ranges.count >= 4)
    }
  }

  @Test("goes on where an earlier run stopped")
  func resumeAcrossRuns() async throws {
    try await with(["cut=700000", "die=1"]) { folder, server, image in
      let source = Recipe.Base.url(server.url("disk.img"), checksum: .digest(image.digest))
      await #expect(throws: BaseError.self) { try await store(folder).prepare(source) }
      let bases = try Folder.names(in: folder.appending("cache/bases"))
      #expect(bases.isEmpty)
      try server.behave([])
      let downloads = folder.appending("cache/downloads")
      let partial = try #require(try Folder.names(in: downloads).first { $0.hasSuffix(".partial") })
      let have = try ImageFile(downloads.appending(partial)).identity.size
      #expect(have > 0)
      let left = try ImageFile(image.path).identity.size - have
      #expect(try await store(folder).plan(source).work == .download(url: server.url("disk.img"), bytes: left))
      let base = try await store(folder).prepare(source)
      #expect(try Digest.ofFile(base.path) == image.digest)
      #expect(try server.requests().contains { $0.hasPrefix("GET") && $0.contains("range=bytes=\(have)-") })
    }
  }

  @Test(
    "starts anew when the file changed in between, or the server knows no ranges",
    arguments: ["etag", "norange", "notag"])
  func changedInBetween(how: String) async throws {
    try await with(["cut=700000", "once"] + [how]) { folder, server, image in
      let base = try await store(folder).prepare(.url(server.url("disk.img"), checksum: .digest(image.digest)))
      #expect(try Digest.ofFile(base.path) == image.digest)
    }
  }

  @Test("with another checksum is deleted, and the error says expected and got")
  func wrong() async throws {
    try await with { folder, server, image in
      let other = Digest.sha256("something else")
      let error = BaseError.wrongChecksum(
        url: server.url("disk.img"), expected: other, got: image.digest, looksLike: nil)
      await #expect(throws: error) {
        try await store(folder).prepare(.url(server.url("disk.img"), checksum: .digest(other)))
      }
      let bases = try Folder.names(in: folder.appending("cache/bases"))
      #expect(bases.isEmpty)
      let downloads = try Folder.names(in: folder.appending("cache/downloads"))
      #expect(downloads.allSatisfy { $0.hasSuffix(".lock") })
    }
  }

  @Test("that is really a login page is called one")
  func page() async throws {
    try await with { folder, server, image in
      try AtomicFile.write("<!DOCTYPE html><html>sign in</html>", to: folder.appending("page.img"))
      let error = await #expect(throws: BaseError.self) {
        try await store(folder).prepare(.url(server.url("page.img"), checksum: .digest(image.digest)))
      }
      #expect(error?.description.contains("a web page") == true)
    }
  }

  @Test("that is no image is refused even with the right checksum, and doesn't stay")
  func noImage() async throws {
    try await with { folder, server, _ in
      let path = folder.appending("evil.img")
      try await Command(
        "qemu-img", ["create", "-q", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", path.string, "10M"]
      ).run()
      await #expect(throws: BaseError.refused(image: server.url("evil.img"), .backingFile)) {
        try await store(folder).prepare(.url(server.url("evil.img"), checksum: .digest(try Digest.ofFile(path))))
      }
      let bases = try Folder.names(in: folder.appending("cache/bases"))
      #expect(bases.isEmpty)
    }
  }

  @Test("is retried when the server is busy, a bounded number of times")
  func busy() async throws {
    try await with(["status=503", "times=3"]) { folder, server, image in
      let source = Recipe.Base.url(server.url("disk.img"), checksum: .digest(image.digest))
      _ = try await store(folder).prepare(source)
      let requests4 = try server.requests()
      #expect(requests4.count == 4)
      try server.behave(["status=500"])
      try Folder.remove(folder.appending("cache"))
      await #expect(throws: BaseError.http(url: server.url("disk.img"), status: 500)) {
        try await store(folder).prepare(source)
      }
      let requests9 = try server.requests()
      #expect(requests9.count == 9)
    }
  }

  @Test("isn't retried when it isn't there")
  func missing() async throws {
    try await with { folder, server, image in
      await #expect(throws: BaseError.http(url: server.url("none.img"), status: 404)) {
        try await store(folder).prepare(.url(server.url("none.img"), checksum: .digest(image.digest)))
      }
      let requests1 = try server.requests()
      #expect(requests1.count == 1)
    }
  }

  @Test("that stalls is given up on in time")
  func stall() async throws {
    try await with(["stall=0"]) { folder, server, image in
      var store = store(folder)
      store.settings.patience.read = .milliseconds(300)
      store.settings.attempts = 2
      let error = await #expect(throws: BaseError.self) {
        try await store.prepare(.url(server.url("disk.img"), checksum: .digest(image.digest)))
      }
      guard case .transfer = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("larger than the limit is refused, announced or not", arguments: [[], ["nolength"]])
  func tooLarge(behaviour: [String]) async throws {
    try await with(behaviour) { folder, server, image in
      await #expect(throws: BaseError.tooLarge(url: server.url("disk.img"), limit: 1 << 20)) {
        try await store(folder, limit: 1 << 20).prepare(.url(server.url("disk.img"), checksum: .digest(image.digest)))
      }
      let downloads = try Folder.names(in: folder.appending("cache/downloads"))
      #expect(downloads.allSatisfy { $0.hasSuffix(".lock") })
    }
  }

  @Test("is found through redirections, of which there may be five")
  func redirections() async throws {
    try await with { folder, server, image in
      _ = try await store(folder).prepare(.url(server.url("redirect/5/disk.img"), checksum: .digest(image.digest)))
      try Folder.remove(folder.appending("cache"))
      await #expect(throws: BaseError.self) {
        try await store(folder).prepare(.url(server.url("redirect/6/disk.img"), checksum: .digest(image.digest)))
      }
      await #expect(throws: BaseError.self) {
        try await store(folder).prepare(.url(server.url("away/disk.img"), checksum: .digest(image.digest)))
      }
    }
  }

  @Test("that two want at once is fetched once")
  func twoAtOnce() async throws {
    try await with(["slow"]) { folder, server, image in
      let source = Recipe.Base.url(server.url("disk.img"), checksum: .digest(image.digest))
      let waited = Atomic(false)
      let store = store(folder) { if case .waiting = $0 { waited.store(true, ordering: .relaxed) } }
      async let one = store.prepare(source)
      async let two = store.prepare(source)
      let both = try await [one, two]
      #expect(both[0] == both[1])
      let hasWaited = waited.load(ordering: .relaxed)
      #expect(hasWaited)
      let requests1 = try server.requests()
      #expect(requests1.count == 1)
    }
  }

  @Test("is checked against the publisher's list, and against the last list that held when that can't be had")
  func sums() async throws {
    try await with { folder, server, image in
      let sha512 = try Digest.ofFile(image.path, kind: .sha512)
      try AtomicFile.write("\(sha512.hex) *disk.img\n", to: folder.appending("SHA512SUMS"))
      let source = Recipe.Base.url(server.url("disk.img"), checksum: .sums(server.url("SHA512SUMS")))
      await #expect(throws: BaseError.offline(missing: server.url("SHA512SUMS"))) {
        try await store(folder, freshness: .offline).prepare(source)
      }
      let base = try await store(folder).prepare(source)
      #expect(base.digest == sha512)
      #expect(try await store(folder, freshness: .offline).prepare(source) == base)
      // The publisher has a new image: this one isn't it any more.
      try AtomicFile.write("\(Digest.sha256("new").hex)  disk.img\n", to: folder.appending("SHA512SUMS"))
      await #expect(throws: BaseError.self) { try await store(folder).prepare(source) }
      // The list that never held isn't kept.
      #expect(try await store(folder, freshness: .offline).prepare(source) == base)
      await server.stop()
      let notes = Mutex(0)
      let noting = store(folder) { if case .note = $0 { notes.withLock { $0 += 1 } } }
      #expect(try await noting.prepare(source) == base)
      #expect(notes.withLock { $0 } == 1)
    }
  }

  @Test("that the list doesn't name, or whose list is a web page, is refused")
  func notListed() async throws {
    try await with { folder, server, image in
      try AtomicFile.write("\(image.digest.hex)  other.img\n", to: folder.appending("SHA256SUMS"))
      await #expect(throws: BaseError.notListed(file: "disk.img", sums: server.url("SHA256SUMS"))) {
        try await store(folder).prepare(.url(server.url("disk.img"), checksum: .sums(server.url("SHA256SUMS"))))
      }
      try AtomicFile.write("<html></html>", to: folder.appending("SHA256SUMS"))
      await #expect(throws: BaseError.self) {
        try await store(folder).prepare(.url(server.url("disk.img"), checksum: .sums(server.url("SHA256SUMS"))))
      }
    }
  }

  @Test("isn't fetched offline, and the error says what is missing")
  func offline() async throws {
    try await with { folder, server, image in
      let source = Recipe.Base.url(server.url("disk.img"), checksum: .digest(image.digest))
      let offline = store(folder, freshness: .offline)
      let error = BaseError.offline(missing: server.url("disk.img"))
      await #expect(throws: error) { try await offline.prepare(source) }
      await #expect(throws: error) { try await offline.plan(source) }
      let requests = try server.requests()
      #expect(requests.isEmpty)
    }
  }

  @Test("that is cancelled leaves no base, and its beginning for the next run")
  func cancelled() async throws {
    try await with(["slow"]) { folder, server, image in
      let source = Recipe.Base.url(server.url("disk.img"), checksum: .digest(image.digest))
      let begun = Atomic(false)
      let store = store(folder) { if case .downloading = $0 { begun.store(true, ordering: .relaxed) } }
      let task = Task { try await store.prepare(source) }
      while !begun.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(5)) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      let bases = try Folder.names(in: folder.appending("cache/bases"))
      #expect(bases.isEmpty)
      try server.behave([])
      _ = try await store.prepare(source)
      #expect(try server.requests().last?.contains("range=bytes=") == true)
    }
  }
}
