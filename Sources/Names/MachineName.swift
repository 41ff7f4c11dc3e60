/// What a machine of a project is called in its network: one label of a host name (RFC 1123, 2.1) in lower case, since the
/// network's DNS knows it by that.
public struct MachineName: CheckedText {
  public let text: String

  public init(_ text: some StringProtocol) throws(NameError) {
    func refusal(_ reason: NameError.Reason) -> NameError {
      NameError(
        kind: "machine name", text: text, reason: reason,
        remedy: "1 to 63 letters (a-z), digits and inner hyphens, such as web-1")
    }
    guard !text.isEmpty else { throw refusal(.empty) }
    for (index, scalar) in text.unicodeScalars.enumerated() {
      guard scalar.isASCIIAlphanumeric || scalar == "-" else {
        throw refusal(.character(scalar, position: index + 1, why: scalar.kindOfRefused))
      }
    }
    guard text.utf8.count <= 63 else {
      throw refusal(.tooLong(length: text.utf8.count, limit: 63, unit: "characters"))
    }
    guard !text.hasPrefix("-"), !text.hasSuffix("-") else {
      throw refusal(.form("it starts or ends with a hyphen"))
    }
    self.text = text.lowercased()
  }
}
