import Glibc
import Host
import Synchronization
import SystemPackage
import Testing

@Suite struct FileLockTests {
  @Test("a lock that is held is refused, and free again once its holder lets go")
  func exclusion() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("lock")
      var holder: FileLock? = try FileLock.take(path)
      #expect(holder?.path == path)
      #expect(throws: HostError.locked(path: path)) { try FileLock.take(path) }
      holder = nil
      _ = try FileLock.take(path)
    }
  }

  @Test("a lock that was let go is free at once, even while children are being started")
  func releaseWhileForking() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("lock")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 { group.addTask { for _ in 0..<25 { try await Command("true").run() } } }
        group.addTask {
          for _ in 0..<20_000 { _ = try FileLock.take(path) }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("the lock of a process that was killed is free")
  func killedHolder() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("lock")
      let ready = folder.appending("ready")
      let child = Task {
        try await Command("flock", [path.string, "sh", "-c", "touch \"$1\"; exec sleep 60", "sh", ready.string])
          .output()
      }
      try await eventually { access(ready.string, F_OK) == 0 }
      #expect(throws: HostError.locked(path: path)) { try FileLock.take(path) }
      child.cancel()
      _ = await child.result
      _ = try await FileLock.wait(for: path)
    }
  }

  @Test("a waiter says so once, and gets the lock when it is free")
  func waiting() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("lock")
      let said = Atomic(0)
      let holder = Mutex<FileLock?>(try FileLock.take(path))
      async let lock = FileLock.wait(for: path) { said.add(1, ordering: .relaxed) }
      try await eventually { said.load(ordering: .relaxed) == 1 }
      try await Task.sleep(for: .milliseconds(250))
      holder.withLock { $0 = nil }
      #expect(try await lock.path == path)
      #expect(said.load(ordering: .relaxed) == 1)
    }
  }

  @Test("a waiter that is cancelled stops waiting")
  func cancellation() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("lock")
      let holder = try FileLock.take(path)
      let waiter = Task { try await FileLock.wait(for: path) }
      try await Task.sleep(for: .milliseconds(50))
      waiter.cancel()
      await #expect(throws: CancellationError.self) { try await waiter.value }
      withExtendedLifetime(holder) {}
    }
  }

  @Test("a lock in a folder that isn't there is an error, not a wait")
  func missingFolder() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("no").appending("lock")
      await #expect(throws: HostError.file(doing: "create the lock", path: path, errno: ENOENT)) {
        try await FileLock.wait(for: path)
      }
    }
  }

  @Test("a child doesn't inherit the lock")
  func children() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("lock")
      let holder = try FileLock.take(path)
      let listing = try await Command("sh", ["-c", "ls -l /proc/self/fd"]).run()
      #expect(!listing.contains(path.string))
      withExtendedLifetime(holder) {}
    }
  }
}

/// Waits until `condition` holds, ten seconds at most.
func eventually(_ condition: () async -> Bool) async throws {
  for _ in 0..<500 {
    if await condition() { return }
    try await Task.sleep(for: .milliseconds(20))
  }
  Issue.record("it never came to be")
}
