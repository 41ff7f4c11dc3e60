import Foundation
import LaunchDoubles
import Names
import State
import Synchronization
import SystemPackage
import Testing

@testable import cpbuild

@Suite struct ConsoleNewsTests {
  @Test(
    "what was said before is said once",
    arguments: [
      ("", "", ""), ("", "a\n", "a\n"), ("a\n", "", ""), ("a\n", "a\n", ""), ("a\n", "a\nb", "b"),
      ("a\nlog", "a\nlogin: ", "in: "),
      // The beginning is gone.
      ("a\nb\nc\n", "b\nc\nd\n", "d\n"), ("a\nb\nc\n", "c\n", ""), ("aab", "abc", "c"), ("abab", "ababab", "ab"),
      ("aabaaab", "aabaaaab", "aaaab"),
      // So much was said meanwhile that nothing of it is there; or it is another boot's.
      ("a\nb\n", "c\nd\n", "c\nd\n"),
      // Cut in the middle of a character, which then is none.
      ("größe\nb\n", "\u{FFFD}ße\nb\nc\n", "c\n"), ("größe\n", "größe\nß", "ß"),
      // Longer than what was seen, as the whole is after an end of it.
      ("b\n", "b\nc\nb\nd\n", "c\nb\nd\n"),
    ])
  func once(said: String, console: String, news: String) {
    #expect(ConsoleNews.news(in: console, after: said) == news)
  }

  @Test("of a console of which the last 500 lines are shown, each line is followed once", arguments: [11, 499, 500])
  func window(step: Int) {
    let lines = (1...1600).map { "[\($0 / 7)] line \($0 % 1000 == 0 ? "again" : "\($0)")\r\n" }
    var (said, followed) = ("", "")
    for count in stride(from: step, through: lines.count, by: step) {
      let console = lines[..<count].suffix(500).joined()
      followed += ConsoleNews.news(in: console, after: said)
      said = console
    }
    #expect(followed == lines.prefix(lines.count / step * step).joined())
  }

  @Test("a console that repeats itself costs no more than another", .timeLimit(.minutes(1)))
  func repetition() {
    let said = String(repeating: "a", count: 1 << 20)
    #expect(ConsoleNews.news(in: said + "b", after: said + "c" + said) == "b")
    #expect(ConsoleNews.news(in: said + "b", after: said + "c") == said + "b")
  }

  @Test("following asks as often as the cloud wants, prints each line once, and ends when the instance is gone")
  func follow() async throws {
    try await withTemporaryFolder { folder in
      let lines = (1...900).map { "line \($0)\n" }
      let looks = Mutex(0)
      var cloud = CloudDouble(folder: folder)
      cloud.consoleInterval = .seconds(7)
      // Each look shows the last 500 lines only, and one shows nothing.
      cloud.said = {
        let look = looks.withLock { count in
          count += 1
          return count
        }
        return look == 3 ? "" : lines[..<min(lines.count, 300 + look * 100)].suffix(500).joined()
      }
      let id = NetworkID(project: try ProjectID("acme"), name: try NetworkName("default"))
      var (waits, printed) = ([Duration](), "")
      // It runs until all was said.
      let instance = folder.appending("instance \("\(id)".replacing("/", with: "+"))")
      try Data().write(to: URL(filePath: instance.string))
      try await ConsoleFollow(
        cloud: cloud, id: id,
        wait: { duration in
          waits.append(duration)
          if waits.count == 8 { try FileManager.default.removeItem(atPath: instance.string) }
        }
      ).run(after: lines[..<300].joined()) { printed += $0 }
      #expect(printed == lines[300...].joined())
      #expect(waits == Array(repeating: .seconds(7), count: 8))
    }
  }
}
