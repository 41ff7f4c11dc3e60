import Foundation
import Host
import Launching
import Names
import State
import SystemPackage
import Testing

@Suite("backup and restore") struct BackupCommandTests {
  /// A home whose project `acme` has its CA, and the user `alice`.
  private func withHome(_ body: (FilePath, FilePath) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let home = folder.appending("home")
      let store = try await StateStore.open(Home(home))
      let trust = TrustKeeper(state: store, configuration: Configuration())
      try await trust.prepare(try ProjectID("acme"))
      _ = try await trust.addUser(try UserName("alice"), to: try ProjectID("acme"))
      try store.close()
      try await body(home, folder)
    }
  }

  private struct Restored: Decodable { let missingKeys: [String] }

  private func mode(_ path: FilePath) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path.string)[.posixPermissions] as? Int)
  }

  @Test("a lost home comes back from its backup, keys and all")
  func lostHome() async throws {
    try await withHome { home, folder in
      let backup = folder.appending("with 'quotes' and ünïcode.db")
      let made = try await Binary.run(["backup", backup.string, "--home", home.string])
      #expect(made.status == 0, "\(made.stderrTail)")
      #expect(try mode(backup) == 0o600)
      let before = FileManager.default.contents(atPath: home.appending("CA/projects/acme/cacert.pem").string)
      try Folder.remove(home)
      let restored = try await Binary.run(["restore", backup.string, "--home", home.string, "--json"])
      #expect(restored.status == 0, "\(restored.stderrTail)")
      let report = try JSONDecoder().decode(Restored.self, from: Data(restored.stdout.utf8))
      #expect(report.missingKeys.isEmpty)
      #expect(before != nil)
      #expect(FileManager.default.contents(atPath: home.appending("CA/projects/acme/cacert.pem").string) == before)
      let doctor = await StateCheck(home: Home(home)).examine()
      #expect(doctor.status == .ok, "\(doctor.found)")
    }
  }

  @Test("where the database is gone and its keys aren't, every command says so and changes nothing")
  func lostDatabase() async throws {
    try await withHome { home, folder in
      let backup = folder.appending("backup.db").string
      func cpbuild(_ arguments: [String]) async throws -> Command.Output {
        try await Binary.run(arguments + ["--home", home.string])
      }
      _ = try await cpbuild(["backup", backup])
      for suffix in ["", "-wal", "-shm"] { unlink(home.appending("state.db" + suffix).string) }
      let before = try Folder.names(in: home.appending("CA/private"))
      for command in [
        ["list"], ["ca", "show"], ["crl", "show"], ["ca", "export"], ["backup", folder.appending("no.db").string],
        ["user", "list", "acme"], ["user", "add", "acme", "bob", "--remote", "192.0.2.1:1194"],
      ] {
        let refused = try await cpbuild(command)
        #expect(refused.status == 1 && refused.stderrTail.contains("cpbuild restore FILE"), "\(command): \(refused)")
      }
      #expect(try !Folder.names(in: home).contains("state.db"))
      #expect(try Folder.names(in: home.appending("CA/private")) == before)
      #expect(try await cpbuild(["restore", backup]).status == 0)
      #expect(try await cpbuild(["user", "list", "acme"]).stdout.contains("alice"))
      #expect(try await cpbuild(["ca", "show"]).status == 0)
    }
  }

  @Test("a restore that would lose something changes nothing and says what; --force keeps revocations")
  func losing() async throws {
    try await withHome { home, folder in
      let backup = folder.appending("backup.db")
      _ = try await Binary.run(["backup", backup.string, "--home", home.string])
      let store = try await StateStore.open(Home(home))
      let trust = TrustKeeper(state: store, configuration: Configuration())
      _ = try await trust.revoke(try UserName("alice"), of: try ProjectID("acme"), reason: .keyCompromise)
      try store.close()

      let refused = try await Binary.run(["restore", backup.string, "--home", home.string])
      #expect(refused.status == 3)
      #expect(refused.stderrTail.contains("would lose 1 revocation"), "\(refused.stderrTail)")

      let forced = try await Binary.run(["restore", backup.string, "--force", "--home", home.string])
      #expect(forced.status == 0, "\(forced.stderrTail)")
      let crl = home.appending("CA/projects/acme/crl.pem").string
      let text = try await Command("openssl", ["crl", "-in", crl, "-noout", "-text"]).run()
      #expect(text.contains("Serial Number:"), "the revocation is still on the CRL\n\(text)")
    }
  }

  @Test("what can't be backed up or restored is named, with an exit status of its kind")
  func refusals() async throws {
    try await withTemporaryFolder { folder in
      let home = folder.appending("home")
      let none = try await Binary.run(["backup", folder.appending("b").string, "--home", home.string])
      #expect(none.status == 2)
      #expect(none.stderrTail.contains("there is no state in"))
      #expect(!FileManager.default.fileExists(atPath: folder.appending("b").string))

      let missing = try await Binary.run(["restore", folder.appending("b").string, "--home", home.string])
      #expect(missing.status == 2, "\(missing.stderrTail)")

      try AtomicFile.write("no database", to: folder.appending("text"), mode: 0o600)
      let text = try await Binary.run(["restore", folder.appending("text").string, "--home", home.string])
      #expect(text.status == 1)
      #expect(text.stderrTail.contains("isn't a database of cpbuild"), "\(text.stderrTail)")
      // What has no end would fill the disk.
      for other in ["/dev/zero", "/dev/null", folder.string] {
        let refused = try await Binary.run(["restore", other, "--home", home.string, "--force"])
        #expect(refused.status == 1 && refused.stderrTail.contains("isn't a database"), "\(refused.stderrTail)")
      }
    }
  }

  @Test("a device isn't replaced by a file: not by a backup, an export or a profile, and not through a link")
  func devices() async throws {
    try await withHome { home, folder in
      // In a folder that is ours: a device of the machine's own must not be at stake.
      let (pipe, link) = (folder.appending("pipe").string, folder.appending("link").string)
      _ = try await Command("mkfifo", [pipe]).run()
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: pipe)
      for path in [pipe, link] {
        for command in [
          ["backup", path], ["ca", "export", "acme", "--out", path, "--force"],
          ["user", "add", "acme", "bob", "--remote", "192.0.2.1:1194", "--out", path, "--force"],
        ] {
          let refused = try await Binary.run(command + ["--home", home.string])
          #expect(refused.status == 1 && refused.stderrTail.contains("in the place of"), "\(refused.stderrTail)")
        }
      }
      #expect(try Folder.names(in: folder).sorted() == ["home", "link", "pipe"])
      _ = try await Command("test", ["-p", pipe]).run()
      let list = try await Binary.run(["user", "list", "acme", "--home", home.string])
      #expect(!list.stdout.contains("bob"))
    }
  }

  @Test("neither a backup nor an export nor a profile goes over the state itself, however that is spelled")
  func ownState() async throws {
    try await withHome { home, folder in
      for path in [
        "home/state.db", "home/CA/../state.db", "home/state.lock", "home/keys/new", "home/keys/../CA/private/new",
      ] {
        let file = folder.appending(path).string
        let user = ["user", "add", "acme", "bob", "--remote", "192.0.2.1:1194", "--force"]
        for command in [
          ["backup", file], ["ca", "export", "acme", "--out", file], user + ["--out", file], user + ["--zip", file],
        ] {
          let refused = try await Binary.run(command + ["--home", home.string])
          #expect(
            refused.status == 3 && refused.stderrTail.contains("a part of the state itself"), "\(refused.stderrTail)")
        }
      }
      #expect(await StateCheck(home: Home(home)).examine().status == .ok)
      let users = try await Binary.run(["user", "list", "acme", "--home", home.string]).stdout
      #expect(users.contains("alice") && !users.contains("bob"))
    }
  }

  @Test(
    "a restore to before the root's replacement keeps a project revoked, and one that isn't can be",
    arguments: [true, false])
  func replacedRoot(isRevoked: Bool) async throws {
    try await withHome { home, folder in
      let file = folder.appending("backup").string
      func run(_ arguments: String...) async throws -> Command.Output {
        try await Binary.run(arguments + ["--home", home.string])
      }
      #expect(try await run("backup", file).status == 0)
      for step in ["announce", "switch", "settle"] {
        let renewal = try await run("ca", "renew", "--step", step)
        #expect(renewal.status == 0, "\(renewal.stderrTail)")
      }
      if isRevoked { #expect(try await run("ca", "revoke", "acme", "--yes").status == 0) }
      #expect(try await run("restore", file, "--force").status == 0)
      if !isRevoked {
        let revocation = try await run("ca", "revoke", "acme", "--yes")
        #expect(revocation.status == 0, "\(revocation.stderrTail)")
      }
      let refused = try await run("user", "add", "acme", "bob", "--remote", "192.0.2.1:1194")
      #expect(refused.status == 3, "\(refused.stderrTail)")
    }
  }

  @Test("a backup removes what one that was killed left in its folder, and not what another one is at")
  func leftBackup() async throws {
    try await withHome { home, folder in
      let (left, held) = (".cpbuild-backup.left.tmp", ".cpbuild-backup.held.tmp")
      for name in [left, held] {
        try AtomicFile.write("keys", to: folder.appending(name), mode: 0o600)
        try FileManager.default.setAttributes(
          [.modificationDate: Date() - 120], ofItemAtPath: folder.appending(name).string)
      }
      let lock = try FileLock.take(folder.appending(held))
      defer { withExtendedLifetime(lock) {} }
      _ = try await Binary.run(["backup", folder.appending("backup").string, "--home", home.string])
      #expect(try Folder.names(in: folder).sorted() == [held, "backup", "home"])
    }
  }

  @Test("doctor finds a damaged database and a key that others can read")
  func doctor() async throws {
    try await withHome { home, _ in
      let keys = home.appending("CA/private")
      let key = keys.appending(try #require(try Folder.names(in: keys).first))
      chmod(key.string, 0o644)
      let readable = await StateCheck(home: Home(home)).examine()
      #expect(readable.status == .failure)
      #expect(readable.found.contains("others may use it"), "\(readable.found)")
      chmod(key.string, 0o600)
      #expect(await StateCheck(home: Home(home)).examine().status == .ok)

      // Its log goes too, from which SQLite could bring the database back.
      for suffix in ["-wal", "-shm"] { unlink(home.appending("state.db" + suffix).string) }
      try AtomicFile.write(String(repeating: "no database ", count: 400), to: home.appending("state.db"), mode: 0o600)
      #expect(await StateCheck(home: Home(home)).examine().status == .failure)
    }
  }
}
