import Foundation

/// What JSON writes in one piece.
protocol JSONScalar: Encodable {
  /// - Throws: `EncodingError` for a number that isn't finite.
  func write(to json: inout [UInt8]) throws
}

extension JSONScalar where Self: FixedWidthInteger {
  func write(to json: inout [UInt8]) { json += String(self).utf8 }
}

extension Int: JSONScalar {}
extension Int8: JSONScalar {}
extension Int16: JSONScalar {}
extension Int32: JSONScalar {}
extension Int64: JSONScalar {}
extension UInt: JSONScalar {}
extension UInt8: JSONScalar {}
extension UInt16: JSONScalar {}
extension UInt32: JSONScalar {}
extension UInt64: JSONScalar {}

extension JSONScalar where Self: BinaryFloatingPoint & LosslessStringConvertible {
  func write(to json: inout [UInt8]) throws {
    guard isFinite else {
      throw EncodingError.invalidValue(self, .init(codingPath: [], debugDescription: "JSON has no number \(self)"))
    }
    json += description.hasSuffix(".0") ? description.utf8.dropLast(2) : description.utf8[...]
  }
}

extension Double: JSONScalar {}
extension Float: JSONScalar {}

extension Bool: JSONScalar {
  func write(to json: inout [UInt8]) { json += (self ? "true" : "false").utf8 }
}

extension Date: JSONScalar {
  func write(to json: inout [UInt8]) { Moment.text(self).write(to: &json) }
}

extension String: JSONScalar {
  /// As RFC 8259, section 7, wants it.
  func write(to json: inout [UInt8]) {
    func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") }
    json.append(UInt8(ascii: "\""))
    if utf8.allSatisfy(isPlain) { json += utf8 } else { json += utf8.flatMap { isPlain($0) ? [$0] : Self.escaped($0) } }
    json.append(UInt8(ascii: "\""))
  }

  private static func escaped(_ byte: UInt8) -> [UInt8] {
    let short: [Unicode.Scalar: String] = ["\u{8}": "b", "\t": "t", "\n": "n", "\u{c}": "f", "\r": "r"]
    let scalar = Unicode.Scalar(byte)
    if byte >= 0x20 { return Array("\\\(scalar)".utf8) }
    return Array("\\\(short[scalar] ?? (byte < 16 ? "u000" : "u00") + String(byte, radix: 16))".utf8)
  }
}
