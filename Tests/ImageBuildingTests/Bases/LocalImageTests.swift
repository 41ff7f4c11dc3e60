import Foundation
import Glibc
import Host
import Synchronization
import SystemPackage
import Testing

@testable import ImageBuilding

@Suite("a base on this machine")
struct LocalImageTests {
  private func store(_ folder: FilePath) -> BaseStore {
    BaseStore(cache: folder.appending("cache"), epoch: SourceDateEpoch.standard)
  }

  @Test("is copied, sparsely, and the copy stays what it was when the original changes")
  func copied() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.raw")
      try await DiskLayout.make(path, size: 256 << 20)
      let digest = try Digest.ofFile(path)
      #expect(try await store(folder).plan(.path(path)).work == .copy(bytes: 256 << 20))
      let base = try await store(folder).prepare(.path(path))
      #expect(base.digest == digest)
      #expect(base.format == .raw)
      #expect(base.virtualSize == 256 << 20)
      #expect(try await store(folder).plan(.path(path)).work == .cached(path: base.path))
      var status = stat()
      stat(base.path.string, &status)
      #expect(status.st_blocks < 4096, "the copy isn't sparse")
      #expect(status.st_mode & 0o222 == 0, "the copy can be written to")

      try await Command(
        "dd", ["if=/dev/urandom", "of=\(path)", "bs=1M", "count=1", "seek=100", "conv=notrunc", "status=none"]
      ).run()
      #expect(try Digest.ofFile(base.path) == digest)
      let changed = try await store(folder).prepare(.path(path))
      #expect(changed.digest != digest)
      #expect(try Digest.ofFile(changed.path) == Digest.ofFile(path))
    }
  }

  @Test("that hasn't changed is the same base again, without being copied again")
  func unchanged() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.raw")
      try await DiskLayout.make(path, size: 1 << 30)
      // A file that was just written may be written to again without its times telling.
      try await Task.sleep(for: .seconds(4))
      let first = try await store(folder).prepare(.path(path))
      let copies = Mutex(0)
      let counting = BaseStore(cache: folder.appending("cache"), epoch: SourceDateEpoch.standard) { event in
        if case .copying = event { copies.withLock { $0 += 1 } }
      }
      #expect(try await counting.prepare(.path(path)) == first)
      #expect(copies.withLock { $0 } == 0)
    }
  }

  @Test("that can't be a base is refused, and nothing of it stays")
  func refused() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await Command(
        "qemu-img", ["create", "-q", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", path.string, "10M"]
      ).run()
      await #expect(throws: BaseError.refused(image: path.string, .backingFile)) {
        try await store(folder).prepare(.path(path))
      }
      #expect(try Folder.names(in: folder.appending("cache/bases")).isEmpty)
    }
  }

  @Test("is found damaged by a look at every cluster, and nothing of it stays")
  func damaged() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("disk.qcow2")
      try await Command(
        "qemu-img", ["create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", path.string, "10M"]
      ).run()
      var bytes = try DiskLayout.readAll(path)
      // The first L2 entry, in the fourth cluster, leads far beyond the end.
      let directory = try #require(bytes.bigEndian(UInt64.self, at: 40))
      let table = try #require(bytes.bigEndian(UInt64.self, at: Int(directory)))
      let entry = Int(table & 0x00FF_FFFF_FFFF_FE00)
      bytes.replaceSubrange(entry..<entry + 8, with: [0x80, 0, 0, 1, 0, 0, 0, 0])
      try AtomicFile.write(bytes, to: path)
      let error = await #expect(throws: BaseError.self) { try await store(folder).prepare(.path(path)) }
      guard case .refused(_, .damaged) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(try Folder.names(in: folder.appending("cache/bases")).isEmpty)
    }
  }

  @Test("that was used longest ago goes first when space is wanted back")
  func prune() async throws {
    try await withTemporaryFolder { folder in
      var bases: [PreparedBase] = []
      for index in 1...3 {
        let path = folder.appending("disk\(index).raw")
        try await DiskLayout.make(path, size: UInt64(32 + index) << 20)
        bases.append(try await store(folder).prepare(.path(path)))
        let times = [timespec(tv_sec: index, tv_nsec: 0), timespec(tv_sec: index, tv_nsec: 0)]
        utimensat(AT_FDCWD, bases[index - 1].path.string, times, 0)
      }
      func left() -> [Bool] { bases.map { access($0.path.string, F_OK) == 0 } }
      try store(folder).prune(budget: 1 << 40)
      try store(folder).prune(budget: 0, sparing: 1)
      #expect(left() == [true, true, true])
      var status = stat()
      stat(bases[2].path.string, &status)
      try store(folder).prune(budget: UInt64(status.st_blocks) * 512 * 2)
      #expect(left() == [false, true, true])
      try store(folder).prune(budget: 0, sparing: 3)
      #expect(left() == [false, false, true])
    }
  }
}
