/// Which distribution a root holds: `/etc/os-release` (os-release(5)).
public struct OSRelease: Equatable, Sendable {
  /// "debian", "ubuntu", … ("linux" where the file says nothing.)
  public let id: String
  /// "12", "24.04"; nil for a rolling release.
  public let version: String?
  /// "bookworm", "noble".
  public let codename: String?
  /// What a person calls it.
  public let prettyName: String?

  /// Reads assignments as the shell would, without running anything; what makes no sense is passed over.
  public init(_ bytes: [UInt8]) {
    var values: [Substring: String] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      guard let equals = line.firstIndex(of: "=") else { continue }
      values[line[..<equals]] = Self.unquoted(line[line.index(after: equals)...])
    }
    id = values["ID"].flatMap { $0.isEmpty ? nil : $0 } ?? "linux"
    version = values["VERSION_ID"]
    codename = values["VERSION_CODENAME"]
    prettyName = values["PRETTY_NAME"]
  }

  private static func unquoted(_ text: Substring) -> String {
    guard let quote = text.first, quote == "\"" || quote == "'", text.count >= 2, text.last == quote else {
      return String(text)
    }
    var result = ""
    var escaped = false
    for character in text.dropFirst().dropLast() {
      if character == "\\" && quote == "\"" && !escaped {
        escaped = true
      } else {
        result.append(character)
        escaped = false
      }
    }
    return result
  }
}
