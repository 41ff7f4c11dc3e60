import Foundation
import Glibc
import Host
import Launching
import Names
import State
import SystemPackage
import Testing

/// The systemd units in dist/, as 'make install' lays them down.
@Suite struct UnitTests {
  private static let names = [
    "cpbuild-renew.service", "cpbuild-renew.timer", "cpbuild-serve.service", "cpbuild.service",
  ]

  /// Installs the units beside the program that the tests built.
  private func withUnits(_ body: (_ units: FilePath, _ prefix: FilePath) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let prefix = folder.appending("usr")
      try Folder.make(prefix.appending("bin"))
      try FileManager.default.createSymbolicLink(
        atPath: prefix.appending("bin/cpbuild").string, withDestinationPath: try Binary.path.string)
      try await Command("make", ["-C", sourceTree.string, "install-units", "PREFIX=\(prefix)"]).run()
      try await body(prefix.appending("lib/systemd/system"), prefix)
    }
  }

  @Test("name the installed program, and commands and options that it has")
  func commands() async throws {
    try await withUnits { units, prefix in
      #expect(try Folder.names(in: units).sorted() == Self.names)
      for name in Self.names where name.hasSuffix(".service") {
        let words = try start(units.appending(name))
        #expect(words.first == "\(prefix)/bin/cpbuild")
        // It goes on until it is ended; see the next test.
        if name == "cpbuild-serve.service" {
          #expect(words.dropFirst() == ["serve", "$SERVE_OPTIONS"])
          continue
        }
        let output = try await Binary.run(
          Array(words.dropFirst()) + ["--home", units.appending("home").string])
        #expect(output.status == 0, "\(words): \(output.stderrTail)")
      }
    }
  }

  /// What the unit runs.
  private func start(_ unit: FilePath) throws -> [String] {
    let text = try String(contentsOfFile: unit.string, encoding: .utf8)
    let starts = text.split(separator: "\n").filter { $0.hasPrefix("ExecStart=") }
    #expect(starts.count == 1 && !text.contains("@PREFIX@"), "\(unit)")
    return starts.joined().dropFirst("ExecStart=".count).split(separator: " ").map(String.init)
  }

  @Test("the timer's renews however many lists are due, and fails when one of them can't be renewed")
  func renewal() async throws {
    try await withUnits { units, _ in
      let (home, start) = (units.appending("home"), try start(units.appending("cpbuild-renew.service")))
      let (state, moment) = (try await StateStore.open(Home(home)), Date() - 5 * 86_400)
      let keeper = TrustKeeper(state: state, configuration: Configuration(), clock: { moment })
      let projects = try (0..<20).map { try ProjectID("p\($0)") }
      for project in projects { try await keeper.prepare(project) }
      func renew() async throws -> Int {
        try await Binary.run(Array(start.dropFirst()) + ["--home", home.string]).status
      }
      #expect(try await renew() == 0)
      #expect(try await state.read { try $0.crls.due(at: Date()) }.isEmpty)

      let lost = try ProjectID("lost")
      try await keeper.prepare(lost)
      let row = try #require(try await state.read { try $0.authorities.active(of: lost) })
      try state.keys.remove(try #require(row.keyFile))
      #expect(try await renew() == 1)
      try state.close()
    }
  }

  @Test("serve needs no other rights than its unit leaves it", .enabled(if: geteuid() == 0, "drops rights"))
  func rights() async throws {
    try await withUnits { units, prefix in
      let unit = try String(contentsOfFile: units.appending("cpbuild-serve.service").string, encoding: .utf8)
      let rights = try #require(unit.firstMatch(of: /CapabilityBoundingSet=(.+)/)?.output.1)
      let set = rights.split(separator: " ").map { ",+" + $0.lowercased().replacing("cap_", with: "") }.joined()
      let served = try await Served.with(
        prefix: ["setpriv", "--bounding-set=-all\(set)", "--inh-caps=-all", "--no-new-privs", "--"],
        program: prefix.appending("bin/cpbuild"), in: units
      ) { served in
        let health = try await Command(
          "curl", ["--silent", "--noproxy", "*", "http://127.0.0.1:\(served.port)/healthz"]
        ).run()
        #expect(health == "ok, 0 projects\n")
      }
      #expect(served.status == 0 && !served.stderrTail.contains("warning"), "\(served.stderrTail)")
    }
  }

  private static let hasSystemd = (try? Program.find("systemd-analyze")) != nil

  @Test("hold before systemd's own check", .enabled(if: hasSystemd, "needs systemd-analyze"))
  func verified() async throws {
    try await withUnits { units, _ in
      let files = Self.names.map { units.appending($0).string }
      let output = try await Command("systemd-analyze", ["verify", "--man=no"] + files).output()
      #expect(output.status == 0 && !output.stderrTail.contains(units.string), "\(output.stderrTail)")
    }
  }

  @Test("restore without a file brings back what was launched, which is nothing at first")
  func restore() async throws {
    try await withTemporaryFolder { folder in
      let home = folder.appending("home").string
      let output = try await Binary.run(["restore", "--home", home])
      #expect(output.status == 0 && output.stdout == "no cloudpipe has been launched\n", "\(output.stderrTail)")
      #expect(try await Binary.run(["restore", "--force", "--home", home]).status == 64)
    }
  }
}
