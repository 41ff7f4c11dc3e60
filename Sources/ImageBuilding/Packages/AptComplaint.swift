import SystemPackage

/// Reads what apt says when it fails, in the C locale, into an error that says what to do.
enum AptComplaint {
  /// - Parameters:
  ///   - text: stdout and stderr of the run.
  ///   - folder: where apt wrote, for a full disk.
  static func error(in text: String, folder: FilePath) -> PackageError {
    let lines = text.split(separator: "\n").map { withoutPassword($0) }
    let explanation = explanation(lines)
    func says(_ phrases: String...) -> Bool { phrases.contains { phrase in lines.contains { $0.contains(phrase) } } }

    if says("No space left on device", "enough free space") { return .diskFull(folder) }
    if says("is not valid yet") { return .clockBehind(explanation: explanation) }
    if says("is expired (invalid since") { return .releaseExpired(explanation: explanation) }
    if says(
      "NO_PUBKEY", "BADSIG", "EXPKEYSIG", "REVKEYSIG", "is not signed", "invalid signature", "couldn't be verified")
    {
      return .untrusted(explanation: explanation)
    }
    if says("Hash Sum mismatch", "unexpected size") { return .digestMismatch(explanation: explanation) }
    if says(" 404  ", " 410  ", "does not have a Release file", "Version '") {
      return .notOnMirror(explanation: explanation)
    }
    if says(
      "Could not resolve", "Temporary failure", "Could not connect", "Unable to connect", "Connection failed",
      "Connection timed out", "Network is unreachable", "Connection refused", "No system certificates",
      "certificate verification failed", "Could not handshake", "Failed to fetch")
    {
      return .unreachable(explanation: explanation)
    }
    if let name = unlocatable(in: lines) { return .unknownPackage(name, nearest: [], skippedSources: []) }
    for line in lines where line.contains("has no installation candidate") {
      let name = line.split(separator: "'").dropFirst().first.map(String.init) ?? "a package"
      return .ambiguousPackage(name, explanation: lines.filter { !isChatter($0) }.joined(separator: "\n"))
    }
    if says("unmet dependencies", "held broken packages", "Unable to correct problems", "were downgraded") {
      return .conflict(explanation: lines.filter { !isChatter($0) }.joined(separator: "\n"))
    }
    return .aptFailed(explanation: explanation.isEmpty ? "it said nothing" : explanation)
  }

  private static func unlocatable(in lines: [String]) -> String? {
    let phrase = "E: Unable to locate package "
    return lines.first { $0.hasPrefix(phrase) }.map { String($0.dropFirst(phrase.count)) }
  }

  /// Errors and warnings, each once; apt's progress left out.
  private static func explanation(_ lines: [String]) -> String {
    var seen: Set<String> = []
    var kept: [String] = []
    for line in lines {
      let isComplaint = ["E: ", "W: ", "Err:", "  "].contains { line.hasPrefix($0) }
      if isComplaint && seen.insert(line).inserted { kept.append(line) }
    }
    return kept.prefix(20).joined(separator: "\n")
  }

  private static func isChatter(_ line: String) -> Bool {
    ["Reading ", "Building ", "Solving ", "NOTE: "].contains { line.hasPrefix($0) }
  }

  /// A source may have "user:password@" in its URI.
  static func withoutPassword(_ line: some StringProtocol) -> String {
    var result = ""
    var rest = String(line)[...]
    while let start = rest.range(of: "://") {
      result += rest[..<start.upperBound]
      rest = rest[start.upperBound...]
      let authority = rest.prefix { $0 != "/" && $0 != " " && $0 != "'" }
      if let at = authority.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
    }
    return result + rest
  }
}

extension Substring {
  /// Where `text` occurs first.
  fileprivate func range(of text: String) -> Range<Index>? {
    guard let first = text.first else { return nil }
    var start = startIndex
    while let found = self[start...].firstIndex(of: first) {
      if self[found...].hasPrefix(text) { return found..<index(found, offsetBy: text.count) }
      start = index(after: found)
    }
    return nil
  }
}
