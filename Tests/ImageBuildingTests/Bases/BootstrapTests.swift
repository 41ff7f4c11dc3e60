import Disks
import Foundation
import Host
import Synchronization
import SystemPackage
import Testing

@testable import ImageBuilding

/// One test, since a bootstrap takes a minute: each promise is an expectation of its own.
@Suite("a base bootstrapped from this host's own packages")
struct BootstrapTests {
  @Test(
    "is planned without being made, boots to a login, is the same when it is made again, and is taken from the cache")
  func bootstrap() async throws {
    try await withTemporaryFolder { folder in
      let first = folder.appending("first")
      let store = BaseStore(cache: first, epoch: SourceDateEpoch.standard)

      let plan = try await store.plan(.bootstrap)
      guard case .bootstrap(let packages, let bytes) = plan.work else {
        Issue.record("planned \(plan.work)")
        return
      }
      #expect(packages.contains { $0.name == "systemd-sysv" })
      #expect(!packages.contains { $0.name == "usrmerge" || $0.name == "perl" })
      #expect(bytes == packages.reduce(0) { $0 + $1.size })
      #expect(try Folder.names(in: first.appending("bases")).isEmpty)

      let steps = Mutex<[BaseEvent]>([])
      let telling = BaseStore(cache: first, epoch: SourceDateEpoch.standard) { event in
        steps.withLock { $0.append(event) }
      }
      let base = try await telling.prepare(.bootstrap)
      #expect(base.digest == plan.digest)
      #expect(base.format == .raw)
      #expect(base.virtualSize == 1 << 30)
      #expect(steps.withLock { $0.contains { if case .bootstrapping = $0 { true } else { false } } })
      #expect(try Folder.names(in: first.appending("work")).isEmpty)
      #expect(try Folder.names(in: first.appending("bases")) == ["bootstrap-\(base.digest.hex)"])

      // Without a network from here on: packages and index are in the cache.
      let offline = BaseStore(cache: first, freshness: .offline, epoch: SourceDateEpoch.standard)
      let clock = ContinuousClock()
      let before = clock.now
      let again = try await offline.prepare(.bootstrap)
      #expect(again == base)
      #expect(clock.now - before < .seconds(2))
      #expect(try await offline.plan(.bootstrap).work == .cached(path: base.path))

      async let second = bootstrapAgain(from: first, in: folder.appending("second"))
      async let console = VirtualMachine.boot(base.path, folder: folder, until: "login:", within: .seconds(180))
      let other = try await second
      let said = try await console
      #expect(said.contains("login:"), "the console ends with: \(said.suffix(2000))")
      #expect(!said.contains("FAILED"), "\(said.split(separator: "\n").filter { $0.contains("FAILED") })")
      #expect(other.digest == base.digest)
      try compare(base.path, other.path)
    }
  }

  @Test("that is cancelled leaves neither a base nor a trace of its work")
  func cancelled() async throws {
    try await withTemporaryFolder { folder in
      let begun = Atomic(false)
      let store = BaseStore(cache: folder, epoch: SourceDateEpoch.standard) { event in
        if case .bootstrapping(let step, _, _) = event, step.hasPrefix("unpacking") {
          begun.store(true, ordering: .relaxed)
        }
      }
      let task = Task { try await store.prepare(.bootstrap) }
      let end = ContinuousClock.now + .seconds(120)
      while !begun.load(ordering: .relaxed), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(50)) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try Folder.names(in: folder.appending("bases")).isEmpty)
      #expect(try Folder.names(in: folder.appending("work")).isEmpty)
      let mounts = try String(contentsOfFile: "/proc/mounts", encoding: .utf8)
      #expect(!mounts.contains(folder.string))
    }
  }

  /// Every path, mode, owner, link, content and time. The disks differ in when inodes were made, which nobody can set.
  private func compare(_ one: FilePath, _ other: FilePath) throws {
    let trees = try [one, other].map { path in
      let volume = try #require(try Ext4Volume(DiskBytes(path), at: DiskLayout.rootOffset))
      return try TreeReader(volume: volume, epoch: .max, wanted: { $0 == "/etc/machine-id" }).read()
    }
    #expect(trees[0].tree.entries.filter { !Set(trees[1].tree.entries).contains($0) } == [])
    #expect(trees[0].tree.digest == trees[1].tree.digest)
    #expect(trees[0].contents["/etc/machine-id"] == Data())
    let paths = Set(trees[0].tree.entries.map(\.path))
    #expect(paths.isSuperset(of: ["/vmlinuz", "/initrd.img", "/boot/grub/grub.cfg", "/etc/fstab"]))
    #expect(paths.isDisjoint(with: ["/etc/resolv.conf", "/etc/hostname", "/usr/sbin/policy-rc.d"]))
    #expect(!paths.contains { $0.hasPrefix("/tmp/") || $0.hasPrefix("/run/") || $0.contains("mmdebstrap") })
    #expect(trees[0].tree.entries.allSatisfy { $0.modified <= SourceDateEpoch.standard })
  }

  /// In a cache of its own, with the packages that are in another one.
  private func bootstrapAgain(from cache: FilePath, in other: FilePath) async throws -> PreparedBase {
    try Folder.make(other)
    try await Command("cp", ["-a", cache.appending("apt").string, cache.appending("debs").string, other.string]).run()
    return try await BaseStore(cache: other, freshness: .offline, epoch: SourceDateEpoch.standard).prepare(.bootstrap)
  }
}
