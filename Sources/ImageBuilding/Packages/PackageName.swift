/// The name of a binary package (Debian policy 5.6.1): lower-case letters, digits, '+', '-' and '.', two at least, a
/// letter or digit first. One that apt-get would read as an order to remove ("name-") isn't a name.
public struct PackageName: Hashable, Sendable, Codable, CustomStringConvertible {
  public let description: String

  /// Nil for what isn't a name.
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard (2...200).contains(bytes.count), let first = bytes.first, letters.contains(first) || digits.contains(first),
      bytes.last != UInt8(ascii: "-"),
      bytes.allSatisfy({ letters.contains($0) || digits.contains($0) || "+-.".utf8.contains($0) })
    else { return nil }
    description = String(text)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let name = PackageName(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' isn't the name of a package")
    }
    self = name
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
