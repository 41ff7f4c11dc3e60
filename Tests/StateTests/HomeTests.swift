import Foundation
import Glibc
import Host
import State
import SystemPackage
import Testing

@Suite("The home folder")
struct HomeTests {
  @Test(
    "the option wins over CPBUILD_HOME, which wins over the defaults",
    arguments: [
      ("/opt/x", ["CPBUILD_HOME": "/srv/y", "HOME": "/home/u"], true, "/opt/x"),
      (nil, ["CPBUILD_HOME": "/srv/y", "HOME": "/home/u"], true, "/srv/y"),
      (nil, ["CPBUILD_HOME": "", "HOME": "/root"], true, "/var/lib/cpbuild"),
      (nil, ["XDG_STATE_HOME": "/xdg", "HOME": "/home/u"], false, "/xdg/cpbuild"),
      (nil, ["XDG_STATE_HOME": "relative", "HOME": "/home/u"], false, "/home/u/.local/state/cpbuild"),
      ("", ["HOME": "/home/u"], false, "/home/u/.local/state/cpbuild"),
      ("/a/../b/./c", [:], false, "/b/c"),
    ] as [(String?, [String: String], Bool, String)])
  func resolution(_ option: String?, _ environment: [String: String], _ isRoot: Bool, _ expected: String) throws {
    #expect(try Home.resolve(option: option, environment: environment, isRoot: isRoot).path.string == expected)
  }

  @Test("a relative folder is taken from where the command runs")
  func relative() throws {
    let home = try Home.resolve(option: "state", environment: [:], isRoot: false)
    #expect(home.path == FilePath(FileManager.default.currentDirectoryPath).appending("state"))
  }

  @Test("with nothing to go by, the error says what to give")
  func nothing() throws {
    let error = #expect(throws: StateError.self) { try Home.resolve(option: nil, environment: [:], isRoot: false) }
    #expect("\(error.map { "\($0)" } ?? "")".contains("--home"))
  }

  @Test("everything in it is closed to others, whatever the umask")
  func modes() async throws {
    try await withStore { store in
      try await store.write { _ = try Sample.addNetwork(to: $0) }
      for folder in [store.home.path, store.home.keys, store.home.authorities, store.home.authorityKeys] {
        #expect(try mode(folder) == 0o700, "\(folder)")
      }
      for suffix in ["", "-wal", "-shm"] {
        #expect(try mode(FilePath(store.home.database.string + suffix)) == 0o600, "\(suffix)")
      }
    }
  }

  @Test("an empty folder is closed to others; one with content that others can enter is refused and left alone")
  func strangers() async throws {
    try await withHome { home in
      try Folder.make(home.path, mode: 0o755)
      try home.prepare()
      #expect(try mode(home.path) == 0o700)
    }
    try await withHome { home in
      try Folder.make(home.path, mode: 0o755)
      try AtomicFile.write("x", to: home.path.appending("somebody's"))
      #expect(throws: StateError.self) { try home.prepare() }
      #expect(try mode(home.path) == 0o755)
      #expect(try Folder.names(in: home.path) == ["somebody's"])
    }
  }

  @Test("a link to a folder, and a file, are refused")
  func notAFolder() async throws {
    try await withHome { home in
      let real = home.path.removingLastComponent().appending("real")
      try Folder.make(real, mode: 0o700)
      #expect(symlink(real.string, home.path.string) == 0)
      #expect(throws: StateError.self) { try home.prepare() }
      unlink(home.path.string)
      try AtomicFile.write("x", to: home.path)
      #expect(throws: (any Error).self) { try home.prepare() }
    }
  }

  private func mode(_ path: FilePath) throws -> mode_t {
    var status = stat()
    try #require(lstat(path.string, &status) == 0, "\(path)")
    return status.st_mode & 0o777
  }
}
