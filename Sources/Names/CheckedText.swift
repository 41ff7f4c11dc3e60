/// A value that is typed as text and checked once, where it enters the program, so that what holds one needn't ask again.
///
/// Reading one from JSON, YAML or a database checks it as strictly as reading it from the command line.
public protocol CheckedText: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
  /// The one spelling of the value: reading it gives the same value back.
  var text: String { get }

  /// Reads the text that a person or another program wrote.
  ///
  /// - Throws: ``NameError``, which says what is wrong and at which character.
  init(_ text: some StringProtocol) throws(NameError)
}

extension CheckedText {
  public var description: String { text }

  /// Orders by Unicode scalar, which no locale and no Unicode version changes.
  public static func < (left: Self, right: Self) -> Bool {
    left.text.unicodeScalars.lexicographicallyPrecedes(right.text.unicodeScalars)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    do {
      self = try Self(text)
    } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: container.codingPath, debugDescription: "\(error)", underlyingError: error))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}
