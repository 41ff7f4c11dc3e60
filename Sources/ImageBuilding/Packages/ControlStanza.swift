/// One paragraph of a Debian control file: dpkg's status, apt's `.sources` and `extended_states` (deb822(5)).
struct ControlStanza: Equatable, Sendable {
  /// Names as they were written, values with their continuation lines joined by newlines.
  private(set) var fields: [Field] = []

  struct Field: Equatable, Sendable {
    let name: String
    var value: String
  }

  /// The value of the field `name`, whatever its case.
  subscript(name: String) -> String? {
    fields.first { $0.name.count == name.count && $0.name.lowercased() == name.lowercased() }?.value
  }

  /// The words of the field `name`; empty where there is no such field.
  func words(_ name: String) -> [String] {
    (self[name] ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
  }

  /// The paragraphs in `bytes`. Lines that begin with '#' are comments, lines that make no sense are passed over.
  static func parse(_ bytes: [UInt8]) -> [ControlStanza] {
    var stanzas: [ControlStanza] = []
    var current = ControlStanza()
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let text = line.trimmingBlanksAtEnd
      if text.isEmpty {
        if !current.fields.isEmpty { stanzas.append(current) }
        current = ControlStanza()
      } else if line.first != UInt8(ascii: "#") {
        current.add(text)
      }
    }
    if !current.fields.isEmpty { stanzas.append(current) }
    return stanzas
  }

  private mutating func add(_ line: ArraySlice<UInt8>) {
    if line.first == UInt8(ascii: " ") || line.first == UInt8(ascii: "\t") {
      guard let last = fields.indices.last else { return }
      fields[last].value += "\n" + String(decoding: line.dropFirst(), as: UTF8.self)
    } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
      let value = line[line.index(after: colon)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      fields.append(
        Field(name: String(decoding: line[..<colon], as: UTF8.self), value: String(decoding: value, as: UTF8.self)))
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate var trimmingBlanksAtEnd: ArraySlice<UInt8> {
    var slice = self
    while let last = slice.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") || last == UInt8(ascii: "\r") {
      slice = slice.dropLast()
    }
    return slice
  }
}
