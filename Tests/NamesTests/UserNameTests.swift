import Foundation
import Names
import Testing

@Suite("User names")
struct UserNameTests {
  @Test(
    "people's names, e-mail addresses and other scripts are accepted",
    arguments: [
      "alice", "josé", "alice@example.org", "a.b+vpn@example.co.uk", "Zoë_2", "李雷", "Мария", "שרה", "नमिता", "0815",
      "o-brien", "default", String(repeating: "x", count: 64), String(repeating: "é", count: 32),
    ])
  func accepted(_ text: String) throws {
    #expect(try UserName(text).text == text)
  }

  @Test(
    "what could hurt a shell, a path, a configuration line or a log is refused where it stands",
    arguments: [
      ("a b", 2), (" a", 1), ("a\t", 2), ("a\nb", 2), ("a/b", 2), ("..", 1), (".a", 1), ("a.", 2), ("-a", 1), ("@a", 1),
      ("+a", 1), ("_a", 1), ("a'b", 2), ("a\"b", 2), ("a\\b", 2), ("a#b", 2), ("a;b", 2), ("a$(x)", 2), ("a*", 2),
      ("a~", 2), ("a=b", 2), ("a,b", 2), ("a:b", 2), ("a%b", 2), ("a!", 2), ("a\u{0}", 2), ("a\u{7F}", 2),
      ("a\u{85}", 2), ("a\u{A0}b", 2), ("a\u{2028}b", 2), ("a\u{3000}b", 2),
    ])
  func refused(_ text: String, position: Int) {
    expectRefusal(text, at: position)
  }

  @Test(
    "what can't be seen, or turns the line around, is refused with its name",
    arguments: [
      ("a\u{202E}b", "bidirectional"), ("a\u{2066}b", "bidirectional"), ("a\u{200F}b", "bidirectional"),
      ("a\u{200B}b", "invisible"), ("a\u{200D}b", "invisible"), ("a\u{FEFF}b", "invisible"), ("a\u{AD}b", "invisible"),
      ("a\u{3164}b", "invisible"), ("a\u{115F}b", "invisible"), ("a\u{FE0F}b", "invisible"),
      ("a\u{E0061}b", "invisible"), ("a\u{0378}b", "hasn't assigned"), ("a\u{E000}b", "private use"),
      ("a\u{1B}b", "control"), ("a😀b", "not allowed"), ("a²b", "not allowed"), ("a\u{20DD}b", "not allowed"),
    ])
  func invisible(_ text: String, phrase: String) {
    let error = expectRefusal(text, at: 2)
    #expect(error?.description.contains(phrase) == true, "\(String(describing: error))")
  }

  @Test("a decomposed accent is refused, since it would be a second user of the same name")
  func normalization() throws {
    let error = try #require(throws: NameError.self) { try UserName("jose\u{301}") }
    #expect(error.reason == .notNormalized(position: 4))
    #expect(throws: NameError.self) { try UserName("\u{212B}ke") }
    #expect(throws: NameError.self) { try UserName("\u{301}a") }
  }

  @Test("64 bytes is the most, since OpenVPN refuses longer common names")
  func length() {
    #expect(throws: NameError.self) { try UserName("") }
    #expect(throws: NameError.self) { try UserName(String(repeating: "x", count: 65)) }
    let error = #expect(throws: NameError.self) { try UserName(String(repeating: "é", count: 33)) }
    #expect(error?.reason == .tooLong(length: 66, limit: 64, unit: "bytes in UTF-8"))
  }

  @Test("DEFAULT is refused, since OpenVPN reads its settings for everybody")
  func openVPNDefault() {
    #expect(throws: NameError.self) { try UserName("DEFAULT") }
  }

  @Test("no text makes it trap, and what is accepted keeps the promises")
  func generated() {
    var random = Xorshift(state: 0x9e37_79b9_7f4a_7c15)
    var accepted = 0
    for _ in 0..<20_000 {
      let text = String(
        String.UnicodeScalarView(
          (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
            let bound: UInt32 = [0x80, 0x250, 0x3000, 0x11_0000].randomElement(using: &random) ?? 0x80
            return Unicode.Scalar(UInt32.random(in: 0..<bound, using: &random))
          }))
      guard let name = try? UserName(text) else { continue }
      accepted += 1
      #expect(name.text.utf8.elementsEqual(text.utf8))
      #expect(text.utf8.elementsEqual(text.precomposedStringWithCanonicalMapping.utf8))
      #expect(!text.utf8.contains { $0 <= 0x20 || $0 == 0x7F || "/\\'\"$`*?[]{}()<>|&;#~!:=,%^".utf8.contains($0) })
    }
    #expect(accepted > 100)
  }

  @discardableResult
  private func expectRefusal(_ text: String, at position: Int) -> NameError? {
    let error = #expect(throws: NameError.self) { try UserName(text) }
    if case .character(_, let found, _) = error?.reason {
      #expect(found == position, "\(text.debugDescription)")
    } else {
      Issue.record("\(text.debugDescription): \(String(describing: error))")
    }
    return error
  }
}

/// A generator with a known start, so that a failure can be seen again.
struct Xorshift: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
