import Host
import SystemPackage
import Testing

@Suite struct ListCommandTests {
  @Test("cpbuild list without any state says that there is no project, and makes none")
  func nothing() async throws {
    try await withTemporaryFolder { folder in
      let home = folder.appending("home").string
      let people = try await Binary.run(["list", "--home", home])
      #expect(people.status == 0 && people.stdout == "no projects\n")
      let programs = try await Binary.run(["list", "--home", home, "--json"])
      #expect(programs.status == 0 && programs.stdout.filter { !$0.isWhitespace } == "[]")
    }
  }
}
