import Foundation
import Glibc
import Host
import SystemPackage
import Testing

@Suite struct AtomicFileTests {
  @Test("a file has the content and mode asked for, whatever the umask")
  func contentAndMode() async throws {
    try await withTemporaryFolder { folder in
      for mode: mode_t in [0o600, 0o644, 0o666, 0o755] {
        let path = folder.appending("file-\(mode)")
        try AtomicFile.write("hello\n", to: path, mode: mode)
        #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "hello\n")
        #expect(try self.mode(of: path) == mode)
      }
    }
  }

  @Test("a file is replaced whole, a hard link to the old one keeps the old content")
  func replacing() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("file")
      let old = folder.appending("old")
      try AtomicFile.write("a much longer first version", to: path)
      #expect(link(path.string, old.string) == 0)
      try AtomicFile.write("short", to: path)
      #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "short")
      #expect(try String(contentsOfFile: old.string, encoding: .utf8) == "a much longer first version")
    }
  }

  @Test("a write that fails names the path and leaves nothing behind")
  func failures() async throws {
    try await withTemporaryFolder { folder in
      let missing = folder.appending("no").appending("file")
      #expect {
        try AtomicFile.write("x", to: missing)
      } throws: {
        guard case HostError.file(_, let path, ENOENT) = $0 else { return false }
        return path.string.hasPrefix(folder.appending("no").string)
      }
      // A folder that isn't empty can't be replaced by a file.
      let taken = folder.appending("taken")
      try Folder.make(taken.appending("below"))
      #expect(throws: HostError.file(doing: "rename into place", path: taken, errno: EISDIR)) {
        try AtomicFile.write("x", to: taken)
      }
      #expect(try Folder.names(in: folder) == ["taken"])
    }
  }

  @Test("a reserved file isn't there before it is whole, so that a kill leaves none, and replaces only what it may")
  func reserved() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("file")
      let first = try ReservedFile(path, replacing: false)
      try first.fill(Data("first".utf8))
      #expect(try Folder.names(in: folder).isEmpty)
      try first.publish()
      let other = folder.appending("other")
      let late = try ReservedFile(other, replacing: false)
      try late.fill(Data("late".utf8))
      try AtomicFile.write("sooner", to: other)
      #expect(throws: HostError.file(doing: "create", path: other, errno: EEXIST)) { try late.publish() }
      let second = try ReservedFile(path, replacing: true)
      try second.fill(Data("second".utf8))
      #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "first")
      try second.publish()
      #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "second")
      #expect(try mode(of: path) == 0o600)
      second.withdraw()
      #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "first")
      second.discard()
      #expect(try Folder.names(in: folder) == ["file", "other"])
    }
  }

  @Test(
    "a full disk is an error with a remedy, and leaves no partial file", .enabled(if: geteuid() == 0, "mounts a tmpfs"))
  func fullDisk() async throws {
    try await withTemporaryFolder { folder in
      let small = folder.appending("small")
      try Folder.make(small)
      try await Command("mount", ["-t", "tmpfs", "-o", "size=64k", "cpbuild-test", small.string]).run()
      defer { umount2(small.string, Int32(MNT_DETACH)) }
      #expect {
        try AtomicFile.write([UInt8](repeating: 1, count: 1 << 20), to: small.appending("file"))
      } throws: {
        guard case HostError.file(_, _, ENOSPC) = $0 else { return false }
        return "\($0)".contains("free some space")
      }
      #expect(try Folder.names(in: small) == [])
    }
  }

  @Test("readers never meet half a file while it is rewritten over and over")
  func readers() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("file")
      let versions = ["a", "b"].map { String(repeating: $0, count: 300_000) }
      try AtomicFile.write(versions[0], to: path)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { for round in 0..<30 { try AtomicFile.write(versions[round % 2], to: path) } }
        group.addTask {
          for _ in 0..<200 {
            let text = try String(contentsOfFile: path.string, encoding: .utf8)
            #expect(versions.contains(text))
          }
        }
        try await group.waitForAll()
      }
      #expect(try Folder.names(in: folder) == ["file"])
    }
  }

  @Test("a long name leaves room for the temporary one")
  func longName() async throws {
    try await withTemporaryFolder { folder in
      for name in [String(repeating: "n", count: 255), String(repeating: "ü", count: 127)] {
        try AtomicFile.write("x", to: folder.appending(name))
      }
      #expect(try Folder.names(in: folder).count == 2)
    }
  }

  private func mode(of path: FilePath) throws -> mode_t {
    var status = stat()
    try #require(stat(path.string, &status) == 0)
    return status.st_mode & 0o7777
  }
}
