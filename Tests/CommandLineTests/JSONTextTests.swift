import Foundation
import Names
import Testing

@testable import cpbuild

@Suite struct JSONTextTests {
  /// One of everything that a document may be made of.
  private struct Sample: Encodable {
    var texts = ["", "plain", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}", "é🇨🇭\u{2028}", "\r\n"]
    var numbers = [0, -1.5, 1e-9, 1e300, 0.1, 1e16, -0.0]
    var ratio = Float(0.3)
    var small: [Int8] = [-128, 127]
    var large = [UInt64.max, 0]
    var yes = true
    var at = Date(timeIntervalSince1970: 1_700_000_000.9)
    var nothing: Int?
    var holes: [String?] = ["a", nil]
    var none: [Int] = []
    var empty: [String: Int] = [:]
    var byName = ["b": [1], "a": [2], "B": [], "aa": [3], "a1": [4], "é": [5]]
    var network = try? IPv4Network("10.0.0.0/8")
    var inner: [Inner] = [Inner(), Inner()]
    var nested = Nested()
  }

  private struct Inner: Encodable {
    var notBefore = 1
    var notAfter = ["x": ["y": "z"]]
    var not = false
  }

  /// Written piece by piece, not as the compiler would.
  private struct Nested: Encodable {
    enum Keys: String, CodingKey { case list, object, above, null }

    func encode(to encoder: any Encoder) throws {
      var object = encoder.container(keyedBy: Keys.self)
      var list = object.nestedUnkeyedContainer(forKey: .list)
      var inner = object.nestedContainer(keyedBy: Keys.self, forKey: .object)
      try inner.encode("later", forKey: .list)
      try inner.encodeNil(forKey: .null)
      try list.encode(1)
      try list.encodeNil()
      var listed = list.nestedContainer(keyedBy: Keys.self)
      try listed.encode(2, forKey: .list)
      var deeper = list.nestedUnkeyedContainer()
      try deeper.encode(Inner())
      try Inner().encode(to: object.superEncoder(forKey: .above))
    }
  }

  private static func foundation(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  @Test("documents are what Foundation's encoder makes of them")
  func same() throws {
    #expect(try JSONDocument.text(of: Sample()) == Self.foundation(Sample()))
    #expect(try JSONDocument.text(of: [Sample]()) == Self.foundation([Sample]()))
    #expect(try JSONDocument.text(of: "text") == Self.foundation("text"))
  }

  @Test("numbers that JSON hasn't are an error", arguments: [Double.infinity, -.infinity, .nan])
  func notFinite(number: Double) {
    #expect(throws: EncodingError.self) { try JSONText.of([number]) }
  }
}
