/// A DNS host name as RFC 1123, section 2.1 has it, in lower case: labels of 1 to 63 letters, digits and inner hyphens,
/// 253 characters in all. The last label isn't all digits, so that a mistyped IPv4 address is no host name.
///
/// A name in another script is given in its ASCII form (`xn--…`, RFC 5890). A trailing dot is refused.
public struct HostName: CheckedText {
  public let text: String

  public init(_ text: some StringProtocol) throws(NameError) {
    func refusal(_ reason: NameError.Reason) -> NameError {
      NameError(
        kind: "host name", text: text, reason: reason,
        remedy: "letters, digits and hyphens in labels of at most 63, joined by dots, such as vpn.example.org")
    }
    guard !text.isEmpty else { throw refusal(.empty) }
    for (index, scalar) in text.unicodeScalars.enumerated() {
      guard scalar.isASCIIAlphanumeric || scalar == "-" || scalar == "." else {
        throw refusal(.character(scalar, position: index + 1, why: scalar.kindOfRefused))
      }
    }
    guard text.utf8.count <= 253 else {
      throw refusal(.tooLong(length: text.utf8.count, limit: 253, unit: "characters"))
    }
    let labels = text.lowercased().split(separator: ".", omittingEmptySubsequences: false)
    for label in labels {
      guard !label.isEmpty else { throw refusal(.form("it has an empty label")) }
      guard label.utf8.count <= 63 else {
        throw refusal(.form("the label \(label) has \(label.utf8.count) characters, and 63 is the most"))
      }
      guard !label.hasPrefix("-"), !label.hasSuffix("-") else {
        throw refusal(.form("the label \(label) starts or ends with a hyphen"))
      }
    }
    if let last = labels.last, last.unicodeScalars.allSatisfy(\.isASCIIDigit) {
      throw refusal(.form("its last label is a number"))
    }
    self.text = labels.joined(separator: ".")
  }
}
