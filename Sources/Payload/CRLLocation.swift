public import Names

/// Where a cloudpipe fetches newer CRLs from: an http or https URL of the characters that a settings line may hold.
///
/// Plain http is fine, for a CRL is signed and its number only rises.
public struct CRLLocation: CheckedText {
  public let text: String

  public init(_ text: some StringProtocol) throws(NameError) {
    func refusal(_ reason: NameError.Reason) -> NameError {
      NameError(
        kind: "CRL URL", text: text, reason: reason,
        remedy: "a URL such as http://10.0.0.1:8775/crl/acme.pem, of letters, digits and ._:/,@+- only")
    }
    guard !text.isEmpty else { throw refusal(.empty) }
    for (index, scalar) in text.unicodeScalars.enumerated() where !SettingsText.isAllowed(scalar) || scalar == " " {
      throw refusal(.character(scalar, position: index + 1, why: "not allowed in a setting"))
    }
    guard text.utf8.count <= 1024 else {
      throw refusal(.tooLong(length: text.utf8.count, limit: 1024, unit: "characters"))
    }
    guard ["http://", "https://"].contains(where: { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }) else {
      throw refusal(.form("it begins with neither http:// nor https://"))
    }
    self.text = String(text)
  }
}
