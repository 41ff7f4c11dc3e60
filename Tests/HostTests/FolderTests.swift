import Glibc
import Host
import SystemPackage
import Testing

@Suite struct FolderTests {
  @Test("folders are made with their parents and the mode asked for; one that is there keeps its mode")
  func making() async throws {
    try await withTemporaryFolder { folder in
      let deep = folder.appending("a").appending("b").appending("c")
      try Folder.make(deep, mode: 0o700)
      try Folder.make(deep, mode: 0o755)
      for path in [deep, deep.removingLastComponent()] {
        var status = stat()
        #expect(stat(path.string, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o700)
      }
    }
  }

  @Test("many who make one folder at once all succeed")
  func racing() async throws {
    try await withTemporaryFolder { folder in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<32 { group.addTask { try Folder.make(folder.appending("x").appending("y")) } }
        try await group.waitForAll()
      }
    }
  }

  @Test("a file where a folder should be is an error")
  func inTheWay() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending("file")
      try AtomicFile.write("", to: file)
      #expect(throws: HostError.file(doing: "use as a folder", path: file, errno: ENOTDIR)) { try Folder.make(file) }
      let below = file.appending("below")
      #expect(throws: HostError.file(doing: "create the folder", path: below, errno: ENOTDIR)) {
        try Folder.make(below)
      }
    }
  }

  @Test("a folder that can't be made though its parent is there is an error", arguments: ["/proc/x", "/proc/x/y"])
  func refused(path: String) {
    #expect(throws: HostError.file(doing: "create the folder", path: "/proc/x", errno: ENOENT)) {
      try Folder.make(FilePath(path))
    }
  }

  @Test("names come sorted by bytes, and none where there is no folder")
  func names() async throws {
    try await withTemporaryFolder { folder in
      for name in ["b", "ä", "B", "a", ".hidden"] { try AtomicFile.write("", to: folder.appending(name)) }
      #expect(try Folder.names(in: folder) == [".hidden", "B", "a", "b", "ä"])
      #expect(try Folder.names(in: folder.appending("no")) == [])
      #expect(throws: HostError.self) { try Folder.names(in: folder.appending("a")) }
    }
  }

  @Test("removal takes all below, and never follows a link out")
  func removal() async throws {
    try await withTemporaryFolder { folder in
      let kept = folder.appending("kept")
      try Folder.make(kept)
      try AtomicFile.write("x", to: kept.appending("file"))
      let doomed = folder.appending("doomed")
      try Folder.make(doomed.appending("a").appending("b"))
      try AtomicFile.write("x", to: doomed.appending("a").appending("file"))
      #expect(symlink(kept.string, doomed.appending("link").string) == 0)
      #expect(symlink("/nowhere", doomed.appending("dangling").string) == 0)
      try Folder.remove(doomed)
      try Folder.remove(doomed)
      #expect(try Folder.names(in: folder) == ["kept"])
      #expect(try Folder.names(in: kept) == ["file"])
    }
  }

  @Test("temporary folders are private, and no two have one name")
  func temporary() throws {
    let folders = try (0..<3).map { _ in try Folder.makeTemporary("cpbuild-test") }
    defer { folders.forEach { try? Folder.remove($0) } }
    #expect(Set(folders).count == 3)
    for folder in folders {
      var status = stat()
      #expect(stat(folder.string, &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o700)
    }
  }

  @Test("free space is a number for a folder, an error for nothing")
  func space() async throws {
    try await withTemporaryFolder { folder in
      let free = try Folder.freeSpace(at: folder)
      #expect(free > 0)
      #expect(throws: HostError.self) { try Folder.freeSpace(at: folder.appending("no")) }
    }
  }
}
