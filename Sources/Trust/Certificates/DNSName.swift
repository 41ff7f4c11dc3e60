/// A host name in letters, digits and hyphens (RFC 1123, §2.1), as certificates and profiles hold it.
public struct DNSName: Hashable, Sendable, CustomStringConvertible {
  public let description: String

  /// - Throws: `TrustError.valueRefused` unless it is 1 to 253 characters in labels of 1 to 63.
  public init(_ name: String) throws {
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard name.utf8.count <= 253, labels.allSatisfy(Self.isLabel) else {
      throw TrustError.valueRefused(
        field: "host name", reason: "it is not made of labels of letters, digits and hyphens")
    }
    description = name
  }

  private static func isLabel(_ label: Substring.UTF8View) -> Bool {
    let hyphen = UInt8(ascii: "-")
    return (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
      && label.allSatisfy { $0 == hyphen || ASCII.isAlphanumeric($0) }
  }
}

/// Questions about single ASCII characters.
enum ASCII {
  static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// Printable and not a space.
  static func isVisible(_ byte: UInt8) -> Bool { (0x21...0x7e).contains(byte) }
}
