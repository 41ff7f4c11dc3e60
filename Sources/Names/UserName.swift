import Foundation

/// The name of a user of a project's VPN, such as `alice`, `josé` or `alice@example.org`. It is the common name of the
/// user's certificates and the name of the profile's file.
///
/// Letters, marks and decimal digits of any script, and `.`, `-`, `_`, `@` and `+` inside; it starts with a letter or a
/// digit and doesn't end with `.` (which Windows drops from file names). There are no spaces, quotes, slashes or shell,
/// glob or comment characters, so that a shell, a path, a configuration line and a log all see one plain word. Control,
/// bidirectional, invisible and unassigned code points are refused, and so is what isn't in normalization form C: two
/// spellings of one name would be two users.
///
/// At most 64 bytes in UTF-8: X.520's `ub-common-name` allows 64 characters (RFC 5280, appendix A.1), and OpenVPN
/// refuses a certificate whose common name is longer than 64 bytes (`TLS_USERNAME_LEN` in `ssl_verify.c`). OpenVPN
/// leaves all of these characters as they are: since 2.4 it remaps control characters only. `DEFAULT` is refused, since
/// a file of that name in `client-config-dir` speaks for every user.
///
/// Names that merely look alike (a Cyrillic `а` for a Latin `a`; UTS #39) are not refused; telling scripts apart is the
/// project admin's to do.
public struct UserName: CheckedText {
  public let text: String

  /// In bytes of UTF-8.
  public static let maximumLength = 64

  public init(_ text: some StringProtocol) throws(NameError) {
    func refusal(_ reason: NameError.Reason) -> NameError {
      NameError(kind: "user name", text: text, reason: reason, remedy: Self.rule)
    }
    guard !text.isEmpty else { throw refusal(.empty) }
    guard text.utf8.count <= Self.maximumLength else {
      throw refusal(.tooLong(length: text.utf8.count, limit: Self.maximumLength, unit: "bytes in UTF-8"))
    }
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if let why = Self.fault(of: scalar, atStart: index == 0) {
        throw refusal(.character(scalar, position: index + 1, why: why))
      }
    }
    let composed = String(text).precomposedStringWithCanonicalMapping
    if let position = Self.firstDifference(text.unicodeScalars, composed.unicodeScalars) {
      throw refusal(.notNormalized(position: position))
    }
    guard text.unicodeScalars.last != "." else {
      throw refusal(.character(".", position: text.unicodeScalars.count, why: "not allowed at the end"))
    }
    guard text != "DEFAULT" else {
      throw refusal(.form("OpenVPN takes settings of the user DEFAULT for everybody's"))
    }
    self.text = String(text)
  }

  private static let rule =
    "at most 64 bytes of letters and digits of any script, with '.', '-', '_', '@' or '+' between them"

  private static func fault(of scalar: Unicode.Scalar, atStart: Bool) -> String? {
    if scalar.isVisibleWord {
      return atStart && scalar.isMark ? "not allowed at the start" : nil
    }
    guard ".-_@+".unicodeScalars.contains(scalar) else { return scalar.kindOfRefused }
    return atStart ? "not allowed at the start" : nil
  }

  /// Counted from 1; nil where both are the same. Strings compare equal when they differ only in normalization, so the
  /// scalars have to be looked at.
  private static func firstDifference(
    _ left: some Sequence<Unicode.Scalar>, _ right: some Sequence<Unicode.Scalar>
  ) -> Int? {
    let (left, right) = (Array(left), Array(right))
    if left == right { return nil }
    return (zip(left, right).enumerated().first { $1.0 != $1.1 }?.offset ?? min(left.count, right.count)) + 1
  }
}
