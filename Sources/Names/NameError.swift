/// Why a text from outside can't be the name or address that it was given as.
public struct NameError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong with the text.
  public enum Reason: Hashable, Sendable {
    /// Nothing was given.
    case empty
    /// The text has `length` of `unit`, which is more than `limit`.
    case tooLong(length: Int, limit: Int, unit: String)
    /// The Unicode scalar at `position`, counted from 1, is refused; `why` is a phrase such as "a control character".
    case character(Unicode.Scalar, position: Int, why: String)
    /// From `position` on, counted in Unicode scalars from 1, the text isn't in Unicode normalization form C.
    case notNormalized(position: Int)
    /// The text as a whole isn't what it should be; the phrase says why.
    case form(String)
  }

  /// What the text was meant to be, such as "project id".
  public let kind: String
  /// The text as it was given. It may hold anything: print ``description``, which escapes it.
  public let text: String
  /// What is wrong with it.
  public let reason: Reason
  /// What is right, as the end of a sentence that begins with "use".
  public let remedy: String

  public init(kind: String, text: some StringProtocol, reason: Reason, remedy: String) {
    self.kind = kind
    self.text = String(text)
    self.reason = reason
    self.remedy = remedy
  }

  public var description: String {
    if reason == .empty { return "the \(kind) is empty: use \(remedy)" }
    return "the \(kind) \(Self.quoted(text)) can't be used: \(cause): use \(remedy)"
  }

  private var cause: String {
    switch reason {
    case .empty: "nothing was given"
    case .tooLong(let length, let limit, let unit): "it has \(length) \(unit), and \(limit) is the most"
    case .character(let scalar, let position, let why): "character \(position), \(Self.code(scalar)), is \(why)"
    case .notNormalized(let position):
      "from character \(position) on it is spelled with separate accents (it isn't in Unicode form NFC)"
    case .form(let phrase): phrase
    }
  }

  /// The text between quotes, cut to 80 scalars, with everything that could disturb a terminal or a log escaped.
  public static func quoted(_ text: some StringProtocol) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars.prefix(80) {
      let plain =
        scalar.isASCII ? (" "..."~").contains(scalar) && scalar != "\"" && scalar != "\\" : scalar.isVisibleWord
      shown += plain ? String(scalar) : "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
    return shown + (text.unicodeScalars.count > 80 ? "…\"" : "\"")
  }

  /// `U+0041`, as the Unicode standard writes code points.
  private static func code(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
