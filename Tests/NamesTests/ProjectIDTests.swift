import Foundation
import Names
import Testing

@Suite("Project ids and network names")
struct ProjectIDTests {
  @Test(
    "what keystone and operators use is accepted",
    arguments: [
      "acme", "a", "0d2f4c6b8e1a4b0f9f8e7d6c5b4a3928", "0d2f4c6b-8e1a-4b0f-9f8e-7d6c5b4a3928", "Team_7", "a.b-c",
      "_x", "a..b", String(repeating: "x", count: 64),
    ])
  func accepted(_ text: String) throws {
    #expect(try ProjectID(text).text == text)
    #expect(try NetworkName(text).text == text)
  }

  @Test(
    "what a path, a shell or a log could be hurt by is refused at the character that hurts",
    arguments: [
      ("-rf", 1), (".", 1), ("..", 1), (".ssh", 1), ("a/b", 2), ("a b", 2), ("a\n", 2), ("a\u{0}b", 2), ("a;b", 2),
      ("a$b", 2), ("a`b", 2), ("é", 1), ("ab\u{202E}c", 3), ("a\u{200B}", 2), ("a:b", 2), ("a*", 2), ("a=b", 2),
      ("a\r\nb", 2),
    ])
  func refused(_ text: String, position: Int) {
    let error = #expect(throws: NameError.self) { try ProjectID(text) }
    guard case .character(_, let found, _) = error?.reason else {
      Issue.record("\(text.debugDescription): \(String(describing: error))")
      return
    }
    #expect(found == position)
    #expect(throws: NameError.self) { try NetworkName(text) }
  }

  @Test("an empty one and one of 65 characters are refused")
  func lengths() {
    #expect(throws: NameError.self) { try ProjectID("") }
    let error = #expect(throws: NameError.self) { try ProjectID(String(repeating: "x", count: 65)) }
    #expect(error?.reason == .tooLong(length: 65, limit: 64, unit: "characters"))
  }

  @Test("an error never repeats a control character")
  func escaped() throws {
    let error = try #require(throws: NameError.self) { try ProjectID("a\u{1B}[31m\n\u{202E}\"") }
    let printable = error.description.unicodeScalars.allSatisfy { (" "..."~").contains($0) }
    #expect(printable, "\(error.description.debugDescription)")
    #expect(error.description.contains("character 2, U+001B, is a control character"))
  }

  @Test("a name in JSON is checked like a typed one")
  func coding() throws {
    let id = try ProjectID("acme")
    #expect(try JSONDecoder().decode([ProjectID].self, from: JSONEncoder().encode([id])) == [id])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([ProjectID].self, from: Data(#"["../etc"]"#.utf8)) }
  }

  @Test("ids are ordered by their characters, upper case first")
  func order() throws {
    #expect(try ["b", "a", "B", "a-1"].map { try ProjectID($0) }.sorted().map(\.text) == ["B", "a", "a-1", "b"])
  }
}
