import Host

/// An image's id: `ami-` and 17 hexadecimal digits, as Amazon EC2 forms them and nova's EC2 API took them over.
///
/// It is made from what goes into an image, so the same inputs always come to the same id.
public struct ImageID: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  public let description: String

  /// - Parameter inputs: the digest of everything that goes into the image.
  init(inputs: Digest) { description = "ami-\(inputs.hex.prefix(17))" }

  /// Nil for anything but `ami-` and 17 lower-case hexadecimal digits.
  public init?(_ text: String) {
    guard text.wholeMatch(of: /ami-[0-9a-f]{17}/) != nil else { return nil }
    description = text
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = ImageID(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an image id")
    }
    self = id
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  public static func < (left: ImageID, right: ImageID) -> Bool { left.description < right.description }
}
