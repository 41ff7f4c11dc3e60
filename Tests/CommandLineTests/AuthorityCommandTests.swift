import Foundation
import Host
import Launching
import Names
import State
import SystemPackage
import Testing
import Trust

@Suite("The commands ca and crl") struct AuthorityCommandTests {
  private struct Authorities: Decodable {
    struct Entry: Decodable {
      let name: String
      let project: String?
      let stage: String
      let severity: String
      let serial: String
      let revokedAt: String?
    }
    struct Ending: Decodable {
      let project: String
      let user: String?
      let network: String?
      let severity: String
    }
    let ok: Bool
    let authorities: [Entry]
    let ending: [Ending]
  }

  private struct Lists: Decodable {
    struct Entry: Decodable {
      let authority: String
      let project: String?
      let number: Int
      let thisUpdate: String
      let nextUpdate: String
      let entries: Int?
      let severity: String
      let due: Bool
    }
    let ok: Bool
    let lists: [Entry]
  }

  private func json<Document: Decodable>(_ type: Document.Type, _ output: Command.Output) throws -> Document {
    try JSONDecoder().decode(type, from: Data(output.stdout.utf8))
  }

  /// Runs `body` with a home in which the project acme has its CA, and what runs cpbuild there.
  private func withAcme(
    at moment: Date = Date(), _ body: (FilePath, ([String]) async throws -> Command.Output) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let home = folder.appending("home")
      let state = try await StateStore.open(Home(home))
      let keeper = TrustKeeper(state: state, configuration: Configuration(), clock: { moment })
      try await keeper.prepare(ProjectID("acme"))
      try state.close()
      try await body(folder) { try await Binary.run($0, environment: ["CPBUILD_HOME": home.string]) }
    }
  }

  @Test("show tells of root and project, and their lists, in the documented shape and as a table")
  func show() async throws {
    try await withAcme { _, cpbuild in
      let authorities = try json(Authorities.self, try await cpbuild(["ca", "show", "--json"]))
      #expect(authorities.ok && authorities.authorities.map(\.name) == ["cpbuild root CA", "acme CA"])
      #expect(authorities.authorities.map(\.project) == [nil, "acme"])
      #expect(authorities.authorities.allSatisfy { $0.severity == "ok" && $0.stage == "active" })
      let lists = try json(Lists.self, try await cpbuild(["crl", "show", "acme", "--json"]))
      #expect(lists.ok && lists.lists.map(\.number) == [1, 1] && lists.lists.map(\.entries) == [0, 0])
      let table = try await cpbuild(["crl", "show"])
      #expect(table.status == 0 && table.stdout.contains("acme CA") && !table.stdout.contains("ENTRIES"))
    }
  }

  @Test("crl show writes anew what somebody did to the exported files")
  func repair() async throws {
    try await withAcme { folder, cpbuild in
      for scope in [[], ["acme"]] {
        for name in ["cacert.pem", "projects/acme/crl.pem"] {
          let file = folder.appending("home/CA").appending(FilePath(name).components)
          let before = try Data(contentsOf: URL(filePath: file.string))
          try AtomicFile.write("", to: file)
          let said = try await cpbuild(["crl", "show"] + scope)
          #expect(said.status == 0 && said.stderrTail.contains("was written anew"), "\(said)")
          #expect(try Data(contentsOf: URL(filePath: file.string)) == before)
        }
      }
      #expect(try await cpbuild(["crl", "show"]).stderrTail.isEmpty)
    }
  }

  @Test("renew raises the number of one project's list, or of all")
  func renew() async throws {
    try await withAcme { _, cpbuild in
      let one = try await cpbuild(["crl", "renew", "acme"])
      #expect(one.status == 0 && one.stdout.contains("acme CA has number 2"))
      #expect(try await cpbuild(["crl", "renew", "--all"]).status == 0)
      let lists = try json(Lists.self, try await cpbuild(["crl", "show", "--json"]))
      #expect(lists.lists.map(\.number) == [2, 3])
    }
  }

  @Test("what is wrong or missing has its exit status, and nothing on stdout")
  func refusals() async throws {
    try await withAcme { folder, cpbuild in
      let cases: [([String], Int32)] = [
        (["ca", "show", "nobody"], 2), (["crl", "show", "nobody"], 2), (["ca", "export", "nobody"], 2),
        (["crl", "renew", "nobody"], 2), (["ca", "renew", "nobody"], 2), (["ca", "revoke", "nobody", "--yes"], 2),
        (["ca", "show", "../etc"], 64), (["crl", "renew"], 64), (["crl", "renew", "acme", "--all"], 64),
        (["ca", "revoke", "acme"], 64), (["ca", "revoke", "acme", "--yes", "--reason", "boredom"], 64),
        (["ca", "renew", "acme", "--step", "leap"], 64), (["ca", "renew", "acme", "--force"], 64),
        (["ca", "renew", "acme", "--step", "switch"], 3), (["ca", "renew", "acme", "--step", "settle"], 3),
        (["ca", "export", "acme", "--out", folder.appending("none/ca.crt").string], 2),
      ]
      for (arguments, status) in cases {
        let output = try await cpbuild(arguments)
        #expect(output.status == status && output.stdout.isEmpty && !output.stderrTail.isEmpty, "\(arguments)")
      }
      let empty = folder.appending("empty")
      for (arguments, status) in [(["ca", "show"], Int32(0)), (["crl", "show"], 0), (["ca", "export"], 2)] {
        let output = try await Binary.run(arguments, environment: ["CPBUILD_HOME": empty.string])
        #expect(output.status == status, "\(arguments)")
      }
      #expect(!FileManager.default.fileExists(atPath: empty.string))
    }
  }

  @Test("export prints or writes certificates, the chain of which openssl accepts, and never a key")
  func export() async throws {
    try await withAcme { folder, cpbuild in
      let (root, chain) = (folder.appending("root.pem"), folder.appending("chain.pem"))
      #expect(try await cpbuild(["ca", "export", "--out", root.string]).status == 0)
      #expect(try await cpbuild(["ca", "export", "acme", "--chain", "--out", chain.string]).status == 0)
      var mode = try FileManager.default.attributesOfItem(atPath: root.string)[.posixPermissions] as? Int
      #expect(mode == 0o644)
      let other = folder.appending("other")
      try AtomicFile.write("somebody's", to: other, mode: 0o600)
      #expect(try await cpbuild(["ca", "export", "--out", other.string]).status == 3)
      #expect(try String(contentsOfFile: other.string, encoding: .utf8) == "somebody's")
      #expect(try await cpbuild(["ca", "export", "--out", other.string, "--force"]).status == 0)
      #expect(FileManager.default.contentsEqual(atPath: other.string, andPath: root.string))
      mode = try FileManager.default.attributesOfItem(atPath: other.string)[.posixPermissions] as? Int
      #expect(try mode == 0o644 && !Folder.names(in: folder).contains { $0.hasPrefix(".") })
      let verdict = try await Command("openssl", ["verify", "-x509_strict", "-CAfile", root.string, chain.string])
        .output()
      #expect(verdict.status == 0)
      let anchor = try await cpbuild(["ca", "export", "acme"])
      #expect(anchor.stdout.hasPrefix("-----BEGIN CERTIFICATE-----") && !anchor.stdout.contains("PRIVATE"))
      let alone = folder.appending("anchor.pem")
      try AtomicFile.write(anchor.stdout, to: alone)
      let own = try await Command("openssl", ["verify", "-x509_strict", "-CAfile", alone.string, alone.string]).output()
      #expect(own.status == 0)
    }
  }

  @Test("a CA near its end makes the exit status of show 1, for monitoring")
  func monitoring() async throws {
    // The root's default life is twenty years, the project's ten: of the latter half a year is left.
    try await withAcme(at: Date() - 9.5 * 365 * 86_400) { _, cpbuild in
      let output = try await cpbuild(["ca", "show", "--json"])
      let document = try json(Authorities.self, output)
      #expect(output.status == 1 && !document.ok)
      #expect(document.authorities.map(\.severity) == ["ok", "expiring"])
      #expect(try await cpbuild(["ca", "show", "acme"]).stdout.contains("cpbuild ca renew"))
      // Any command renewed the list that had ended long ago.
      #expect(try await cpbuild(["crl", "show"]).status == 0)
    }
  }

  /// A state in which, 800 days ago, the cloudpipe of acme was launched and these users were let in for so many days.
  private func fill(_ home: FilePath, _ users: [String: Int]) async throws {
    let (acme, moment) = (try ProjectID("acme"), Date() - 800 * 86_400)
    let state = try await StateStore.open(Home(home))
    let keeper = TrustKeeper(state: state, configuration: Configuration(), clock: { moment })
    for (user, days) in users {
      _ = try await keeper.addUser(UserName(user), to: acme, expiry: .after(Lifetime(days: days)))
    }
    let network = NetworkID(project: acme, name: .standard)
    _ = try await keeper.serverCredentials(of: network)
    try await state.write { state in
      let image = Image(
        id: "ami-0123456789abcdef0", path: "/image", recipe: "cloudpipe", sha256: .sha256("image"), virtualSize: 1,
        createdAt: moment)
      try state.images.register(image)
      try state.networks.insert(
        Network(id: network, cidr: IPv4Network("10.1.0.0/24"), mode: .bridged, createdAt: moment))
      try state.instances.insert(
        Instance(id: network, cloud: .local, state: .running, imageId: image.id, handle: [:], createdAt: moment))
    }
    try state.close()
  }

  @Test("show warns of who is about to be locked out, and no longer of who was renewed or revoked")
  func ending() async throws {
    try await withAcme(at: Date() - 800 * 86_400) { folder, cpbuild in
      // Of alice's 810 days 10 are left, of the cloudpipe's 825 it is 25; carol is out already.
      try await fill(folder.appending("home"), ["alice": 810, "bob": 1600, "carol": 799, "dan": 815])
      let output = try await cpbuild(["ca", "show", "acme", "--json"])
      let document = try json(Authorities.self, output)
      #expect(output.status == 1 && !document.ok && document.authorities.allSatisfy { $0.severity == "ok" })
      #expect(document.ending.map { $0.user ?? $0.network } == ["default", "alice", "dan"])
      #expect(document.ending.allSatisfy { $0.severity == "expiring" && $0.project == "acme" })
      let table = try await cpbuild(["ca", "show"]).stdout
      for remedy in ["cpbuild restart acme", "cpbuild user add acme alice --renew"] {
        #expect(table.contains(remedy), "\(table)")
      }
      #expect(!table.contains("cpbuild ca renew"))

      let renewal = ["user", "add", "acme", "alice", "--renew", "--remote", "192.0.2.1:1194"]
      #expect(try await cpbuild(renewal).status == 0)
      #expect(try await cpbuild(["user", "revoke", "acme", "dan"]).status == 0)
      let state = try await StateStore.open(Home(folder.appending("home")))
      let keeper = TrustKeeper(state: state, configuration: Configuration())
      _ = try await keeper.serverCredentials(of: NetworkID(project: ProjectID("acme"), name: .standard))
      try state.close()
      let after = try await cpbuild(["ca", "show", "--json"])
      #expect(try after.status == 0 && json(Authorities.self, after).ending.isEmpty, "\(after.stdout)")
    }
  }

  @Test("a rollover goes through its steps, and a revoked project begins anew")
  func rollover() async throws {
    try await withAcme { _, cpbuild in
      for (step, stage) in [("announce", "announced"), ("switch", "switched"), ("settle", "settled")] {
        let output = try await cpbuild(["ca", "renew", "acme", "--step", step, "--json"])
        #expect(output.status == 0 && output.stdout.contains("\"stage\" : \"\(stage)\""))
      }
      let revoked = try await cpbuild(["ca", "revoke", "acme", "--yes", "--reason", "ca-compromise"])
      #expect(revoked.status == 0 && revoked.stdout.hasPrefix("revoked acme"))
      #expect(try await cpbuild(["ca", "revoke", "acme", "--yes"]).stdout == "acme was revoked before\n")
      let show = try await cpbuild(["ca", "show", "acme"])
      #expect(show.status == 0 && show.stdout.contains("revoked"))
      let lists = try json(Lists.self, try await cpbuild(["crl", "show", "acme", "--json"]))
      #expect(lists.lists.first?.entries == 2)
      #expect(try await cpbuild(["ca", "renew", "acme"]).status == 0)
      let again = try json(Authorities.self, try await cpbuild(["ca", "show", "acme", "--json"]))
      #expect(again.authorities.map(\.name) == ["cpbuild root CA", "acme CA 3"])
    }
  }

  @Test("a project that has no CA any more makes the exit status of show 1, and its next CA has a name of its own")
  func withoutCA() async throws {
    try await withAcme { folder, cpbuild in
      let (backup, acme) = (folder.appending("backup.db").string, try ProjectID("acme"))
      #expect(try await cpbuild(["backup", backup]).status == 0)
      let state = try await StateStore.open(Home(folder.appending("home")))
      try await state.write { state in
        try state.authorities.retire(try #require(try state.authorities.active(of: acme)).id)
      }
      try state.close()
      #expect(try await cpbuild(["restore", backup, "--force"]).stdout.contains("acme has no CA now"))
      for arguments in [["ca", "show"], ["ca", "show", "acme"]] {
        let shown = try await cpbuild(arguments)
        #expect(shown.status == 1 && shown.stdout.contains("acme has no CA now"), "\(shown)")
      }
      #expect(try await cpbuild(["user", "add", "acme", "bob", "--remote", "192.0.2.1:1194"]).status == 0)
      let after = try await cpbuild(["ca", "show", "--json"])
      #expect(try json(Authorities.self, after).authorities.map(\.name) == ["cpbuild root CA", "acme CA 2"])
      #expect(after.status == 0)
    }
  }

  @Test("a CA that came with a rollover after the backup goes on after the restore")
  func restoredRollover() async throws {
    try await withAcme { folder, cpbuild in
      let backup = folder.appending("backup.db").string
      #expect(try await cpbuild(["backup", backup]).status == 0)
      for scope in [["acme"], []] {
        for step in ["announce", "switch", "settle"] {
          #expect(try await cpbuild(["ca", "renew"] + scope + ["--step", step]).status == 0)
        }
      }
      let remote = ["--remote", "192.0.2.1:1194"]
      #expect(try await cpbuild(["user", "add", "acme", "eve"] + remote).status == 0)
      #expect(try await cpbuild(["user", "revoke", "acme", "eve"]).status == 0)
      let restored = try await cpbuild(["restore", backup, "--force"])
      #expect(restored.status == 0 && !restored.stdout.contains("no CA"), "\(restored)")
      let shown = try await cpbuild(["ca", "show", "acme", "--json"])
      #expect(try json(Authorities.self, shown).authorities.map(\.name) == ["cpbuild root CA 2", "acme CA 2"])
      let lists = try json(Lists.self, try await cpbuild(["crl", "show", "acme", "--json"]))
      #expect(lists.ok && lists.lists.last?.entries == 1)
      #expect(try await cpbuild(["user", "add", "acme", "bob"] + remote).status == 0)
      #expect(try await chain(of: "acme", from: folder.appending("home"), by: "cpbuild root CA 2").contains("OK"))
    }
  }

  /// What openssl says of the project's chain, judged by one root and its CRL.
  private func chain(of project: String, from home: FilePath, by root: String) async throws -> String {
    let script = """
      set -eu
      split() { awk -v to="$2" '/BEGIN/ { n++ } { print >(to n) }' "$1"; }
      split CA/cacert.pem root; split CA/crl.pem crl; split CA/projects/$1/cacert.pem own
      for file in root*; do
        if openssl x509 -in $file -noout -subject | grep -qx "subject=CN = $2"; then root=$file; fi
      done
      cat crl* CA/projects/$1/crl.pem >all
      openssl verify -x509_strict -crl_check_all -CAfile $root -CRLfile all own1 2>&1 || true
      rm -f root* crl* own* all
      """
    return try await Command("sh", ["-c", script, "sh", project, root], folder: home).run()
  }

  @Test(
    "the root is replaced in steps that no user notices, and openssl takes every project by either root between them")
  func rootRollover() async throws {
    try await withAcme { folder, cpbuild in
      let home = folder.appending("home")
      let (first, second) = ("cpbuild root CA", "cpbuild root CA 2")
      let remote = ["--remote", "192.0.2.1:1194"]
      #expect(try await cpbuild(["user", "add", "gone", "eve"] + remote).status == 0)
      #expect(try await cpbuild(["ca", "revoke", "gone", "--yes"]).status == 0)
      let anchor = try await cpbuild(["ca", "export", "acme"]).stdout

      #expect(try await cpbuild(["ca", "renew", "--step", "switch"]).status == 3)
      let announced = try await cpbuild(["ca", "renew", "--json"])
      #expect(announced.status == 0 && announced.stdout.contains("\"stage\" : \"announced\""))
      #expect(try await cpbuild(["ca", "renew"]).status == 3)
      #expect(try await chain(of: "acme", from: home, by: first).contains("OK"))

      #expect(try await cpbuild(["ca", "renew", "--step", "switch"]).status == 0)
      #expect(try await chain(of: "acme", from: home, by: second).contains("OK"))
      #expect(try await !chain(of: "gone", from: home, by: second).contains("OK"))
      #expect(try await chain(of: "gone", from: home, by: first).contains("revoked"))
      #expect(try await cpbuild(["user", "add", "acme", "alice"] + remote).status == 0)
      #expect(try await cpbuild(["ca", "export", "acme"]).stdout == anchor)

      // Revoked by both roots: the one that vouched for it first is still trusted.
      #expect(try await cpbuild(["ca", "revoke", "acme", "--yes"]).status == 0)
      let lists = try String(contentsOfFile: home.appending("CA/crl.pem").string, encoding: .utf8)
      #expect(lists.components(separatedBy: "BEGIN").count == 3)
      #expect(try await chain(of: "acme", from: home, by: second).contains("revoked"))
      let text = try await Command(
        "sh", ["-c", "awk '/BEGIN/ { n++ } n == 2' CA/crl.pem | openssl crl -noout -text"], folder: home
      ).run()
      #expect(text.components(separatedBy: "Serial Number:").count == 3, "\(text)")

      #expect(try await cpbuild(["ca", "renew", "--step", "settle"]).status == 0)
      let roots = try json(Authorities.self, try await cpbuild(["ca", "show", "--json"])).authorities
      #expect(roots.filter { $0.project == nil }.map(\.name) == [second])
      #expect(try await cpbuild(["ca", "renew", "acme"]).status == 0)
      #expect(try await chain(of: "acme", from: home, by: second).contains("OK"))
    }
  }
}
