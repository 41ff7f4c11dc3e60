/// The id of a project: what an operator types, and what key pairs, files and certificates are named after.
///
/// Keystone's own ids are 32 hexadecimal digits; nova's projects of old were words. Both fit: 1 to 64 ASCII letters,
/// digits, `-`, `_` and `.`, not starting with `-` or `.` (keystone's `project_id` column holds 64).
public struct ProjectID: CheckedText {
  public let text: String

  public init(_ text: some StringProtocol) throws(NameError) {
    self.text = try FileSafeName.check(text, kind: "project id", limit: 64)
  }
}
