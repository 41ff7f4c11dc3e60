import Foundation

/// A value's place in a JSON document, written as `JSONEncoder` does with indentation, sorted keys, plain slashes and dates
/// in ISO 8601, but in half the time: that one makes an object of every value first, and a list of all CAs has 10,000 times
/// eleven.
final class JSONText: Encoder {
  private final class Output {
    var bytes: [UInt8] = []
  }

  /// A member or element: where its text is, or what place it has when it is written piece by piece.
  private struct Line {
    let key: String
    var text = 0..<0
    var place: JSONText?
  }

  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  /// Where it is written, from `start` on.
  private let output: Output
  private let start: Int
  private let depth: Int
  /// Nil for a value that is neither an object nor an array.
  private var brackets: (open: UInt8, close: UInt8)?
  private var lines: [Line] = []
  /// Whether the lines have been written as they have to be; an object's are fastest when its keys come sorted.
  private var isInOrder = true

  private init(_ output: Output, depth: Int) {
    self.output = output
    self.depth = depth
    start = output.bytes.count
  }

  /// The document, with a newline at its end.
  ///
  /// - Throws: `EncodingError` for a number that isn't finite.
  static func of(_ value: some Encodable) throws -> [UInt8] {
    let output = Output()
    try write(value, to: output, depth: 0)
    output.bytes.append(UInt8(ascii: "\n"))
    return output.bytes
  }

  private static func write<Value: Encodable>(_ value: Value, to output: Output, depth: Int) throws {
    // The others that are written in one piece come back as such by themselves. To ask each value whether it is one of
    // them would take longer.
    if Value.self == Date.self, let date = value as? Date { return date.write(to: &output.bytes) }
    let place = JSONText(output, depth: depth)
    try value.encode(to: place)
    place.finish()
  }

  private var isObject: Bool { brackets?.open == UInt8(ascii: "{") }

  private func begin(_ open: Unicode.Scalar, _ close: Unicode.Scalar) {
    guard brackets == nil else { return }
    brackets = (UInt8(ascii: open), UInt8(ascii: close))
    lines.reserveCapacity(16)
    output.bytes.append(UInt8(ascii: open))
  }

  private func finish() {
    // What wrote nothing at all is an empty object.
    if lines.isEmpty { begin("{", "}") }
    guard let brackets else { return }
    if !isInOrder { rewrite() }
    output.bytes += (lines.isEmpty ? "\n\n" : "\n").utf8
    indent(depth)
    output.bytes.append(brackets.close)
  }

  /// Sorts an object's members, and puts in what was written elsewhere.
  private func rewrite() {
    let written = Array(output.bytes[start...])
    output.bytes.removeSubrange((start + 1)...)
    for (index, line) in (isObject ? lines.sorted { $0.key < $1.key } : lines).enumerated() {
      beginLine(index > 0)
      if let place = line.place {
        write(line.key)
        place.finish()
        output.bytes += place.output.bytes
      } else {
        output.bytes += written[(line.text.lowerBound - start)..<(line.text.upperBound - start)]
      }
    }
  }

  private func beginLine(_ hasMore: Bool) {
    output.bytes += (hasMore ? ",\n" : "\n").utf8
    indent(depth + 1)
  }

  private func indent(_ depth: Int) {
    for _ in 0..<depth { output.bytes += "  ".utf8 }
  }

  private func write(_ key: String) {
    guard isObject else { return }
    key.write(to: &output.bytes)
    output.bytes += " : ".utf8
  }

  private func line(_ key: String, _ writeValue: () throws -> Void) rethrows {
    if brackets != nil { beginLine(!lines.isEmpty) }
    let start = output.bytes.count
    write(key)
    try writeValue()
    if isObject, let last = lines.last, last.key > key { isInOrder = false }
    lines.append(Line(key: key, text: start..<output.bytes.count))
  }

  func container<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    begin("{", "}")
    return KeyedEncodingContainer(Members(object: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    begin("[", "]")
    return self
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  fileprivate func write(_ value: some Encodable, forKey key: String = "") throws {
    try line(key) { try Self.write(value, to: output, depth: brackets == nil ? depth : depth + 1) }
  }

  fileprivate func write(_ value: some JSONScalar, forKey key: String = "") throws {
    try line(key) { try value.write(to: &output.bytes) }
  }

  fileprivate func writeNull(forKey key: String = "") { line(key) { output.bytes += "null".utf8 } }

  fileprivate func place(forKey key: String = "") -> JSONText {
    let place = JSONText(Output(), depth: depth + 1)
    lines.append(Line(key: key, place: place))
    isInOrder = false
    return place
  }
}

extension JSONText: UnkeyedEncodingContainer, SingleValueEncodingContainer {
  var count: Int { lines.count }

  func encodeNil() { writeNull() }
  func encode(_ value: some JSONScalar) throws { try write(value) }
  func encode(_ value: some Encodable) throws { try write(value) }

  func nestedContainer<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> { place().container(keyedBy: type) }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { place().unkeyedContainer() }
  func superEncoder() -> any Encoder { place() }
}

private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let object: JSONText
  let codingPath: [any CodingKey] = []

  func encodeNil(forKey key: Key) { object.writeNull(forKey: key.stringValue) }
  func encode(_ value: some JSONScalar, forKey key: Key) throws { try object.write(value, forKey: key.stringValue) }
  func encode(_ value: some Encodable, forKey key: Key) throws { try object.write(value, forKey: key.stringValue) }

  func nestedContainer<Nested>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
    object.place(forKey: key.stringValue).container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    object.place(forKey: key.stringValue).unkeyedContainer()
  }
  func superEncoder() -> any Encoder { object.place(forKey: "super") }
  func superEncoder(forKey key: Key) -> any Encoder { object.place(forKey: key.stringValue) }
}
