import SystemPackage
import Testing

@testable import cpbuild

@Suite struct RenderingTests {
  @Test(
    "bytes are in decimal units with three digits at most",
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1050, "1.1 kB"), (99_949, "99.9 kB"), (99_950, "100 kB"),
      (999_499, "999 kB"), (999_500, "1.0 MB"), (153_900_000, "154 MB"), (UInt64.max, "18.4 EB"),
    ])
  func bytes(count: UInt64, text: String) {
    #expect(Quantity.bytes(count) == text)
  }

  @Test(
    "durations read naturally, and no number of seconds is too odd to print",
    arguments: [
      (0, "0.0 s"), (0.44, "0.4 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (65, "1 min 05 s"),
      (3599.4, "59 min 59 s"), (3599.6, "1 h 00 min"), (7620, "2 h 07 min"), (-3, "0.0 s"), (.nan, "0.0 s"),
      (.infinity, "0.0 s"), (1e300, "277777 h 46 min"),
    ])
  func seconds(seconds: Double, text: String) {
    #expect(Quantity.seconds(seconds) == text)
  }

  @Test("columns line up, nothing trails, and only a terminal cuts")
  func table() {
    var table = Table(["NAME", "STATE"])
    table.add(["a-long-name", "running"])
    table.add(["b"])
    #expect(table.text(width: nil) == "NAME         STATE\na-long-name  running\nb\n")
    #expect(table.text(width: 15) == "NAME         S…\na-long-name  r…\nb\n")
    #expect(table.text(width: 0) == "\n\n\n")
  }

  @Test("cells can't break out of the table")
  func hostileCells() {
    var table = Table(["NAME"])
    table.add(["a\nb\u{1B}[0m\u{2028}\u{200B}"])
    #expect(table.text(width: nil) == "NAME\na\\u{a}b\\u{1b}[0m\\u{2028}\\u{200b}\n")
  }

  @Test("a table without rows is its head")
  func emptyTable() {
    #expect(Table(["A", "B"]).text(width: nil) == "A  B\n")
  }

  @Test("state is where --home, $CPBUILD_HOME, root's or the user's place say, in that order")
  func home() {
    func path(_ chosen: String?, _ environment: [String: String], root: Bool) -> FilePath {
      HomeFolder.path(chosen: chosen, environment: environment, isRoot: root, workingFolder: "/work")
    }
    #expect(path("a", ["CPBUILD_HOME": "/b"], root: true) == "/work/a")
    #expect(path("/a", [:], root: false) == "/a")
    #expect(path(nil, ["CPBUILD_HOME": "b"], root: true) == "/work/b")
    #expect(path(nil, ["CPBUILD_HOME": ""], root: true) == "/var/lib/cpbuild")
    #expect(path(nil, ["XDG_STATE_HOME": "/x", "HOME": "/h"], root: false) == "/x/cpbuild")
    #expect(path(nil, ["XDG_STATE_HOME": "relative", "HOME": "/h"], root: false) == "/h/.local/state/cpbuild")
    #expect(path(nil, ["HOME": "/h"], root: false) == "/h/.local/state/cpbuild")
  }

  @Test("a dumb terminal, or none, isn't drawn over; NO_COLOR is obeyed")
  func terminals() {
    #expect(Terminal.hasColor(environment: [:]))
    #expect(Terminal.hasColor(environment: ["NO_COLOR": ""]))
    #expect(!Terminal.hasColor(environment: ["NO_COLOR": "1"]))
    // -1 is no descriptor.
    #expect(!Terminal.isLive(-1, environment: ["TERM": "xterm"]))
    #expect(Terminal.width(of: -1) == nil)
  }
}
