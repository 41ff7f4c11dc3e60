import Host

/// Reads what `apt-get install --simulate` and `--print-uris` print (apt-get(8)).
///
/// Names and versions come from indexes that the guest's own keys have signed; they become file names and arguments
/// here, so whatever doesn't look like one is refused.
enum AptTranscript {
  /// A line of a simulation.
  struct Change: Equatable {
    enum Kind: String { case install = "Inst", configure = "Conf", remove = "Remv", purge = "Purg" }
    let kind: Kind
    /// With ":architecture" where it isn't the native one.
    let package: String
    /// The version that is installed now.
    let replaces: String?
    /// Empty for a removal.
    let version: String
    let origin: String
    let architecture: String
  }

  /// A line of `--print-uris`.
  struct File: Equatable {
    let name: String
    let size: UInt64
    let digest: Digest
  }

  /// The changes that a simulation announces, in their order.
  ///
  /// - Throws: ``PackageError/aptFailed(explanation:)`` at a change that can't be read.
  static func changes(in text: String) throws -> [Change] {
    try text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard let first = words.first, let kind = Change.Kind(rawValue: String(first)), words.count >= 2 else {
        return nil
      }
      guard let change = change(kind, words: words.dropFirst()) else { throw unreadable(line) }
      return change
    }
  }

  /// The files that apt would download.
  ///
  /// - Throws: ``PackageError/aptFailed(explanation:)`` at a line that can't be read, or one without a SHA-256 digest.
  static func files(in text: String) throws -> [File] {
    try text.split(separator: "\n").filter { $0.hasPrefix("'") }.map { line in
      let words = line.split(separator: "'", omittingEmptySubsequences: false).last?.split(separator: " ") ?? []
      guard words.count == 3, let size = UInt64(words[1]),
        words[2].hasPrefix("SHA256:"),
        let digest = Digest(hex: words[2].dropFirst(7))
      else { throw unreadable(line) }
      return File(name: String(words[0]), size: size, digest: digest)
    }
  }

  private static func change(_ kind: Change.Kind, words: ArraySlice<Substring>) -> Change? {
    var words = words
    guard let package = words.popFirst(), isPackage(package) else { return nil }
    var replaces: String?
    if let word = words.first, word.hasPrefix("["), word.hasSuffix("]") {
      replaces = String(word.dropFirst().dropLast())
      words = words.dropFirst()
    }
    if kind == .remove || kind == .purge {
      return Change(kind: kind, package: String(package), replaces: replaces, version: "", origin: "", architecture: "")
    }
    guard let version = words.popFirst(), version.hasPrefix("("), isVersion(version.dropFirst()),
      let end = words.firstIndex(where: { $0.hasPrefix("[") && $0.hasSuffix("])") }),
      case let architecture = words[end].dropFirst().dropLast(2), String(architecture).isArchitecture
    else { return nil }
    return Change(
      kind: kind, package: String(package), replaces: replaces, version: String(version.dropFirst()),
      origin: words[..<end].joined(separator: " "), architecture: String(architecture))
  }

  private static func isPackage(_ text: Substring) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let name = parts.first, PackageName(name) != nil else { return false }
    return parts.count == 1 || (parts.count == 2 && String(parts[1]).isArchitecture)
  }

  /// Debian policy 5.6.12.
  private static func isVersion(_ text: Substring) -> Bool {
    guard let first = text.first, first.isNumber || first.isLetter, text.utf8.count <= 200 else { return false }
    return text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || ".+-:~".utf8.contains(byte)
    }
  }

  private static func unreadable(_ line: Substring) -> PackageError {
    .aptFailed(explanation: "it printed a line that can't be read: \(AptComplaint.withoutPassword(line.prefix(200)))")
  }
}
