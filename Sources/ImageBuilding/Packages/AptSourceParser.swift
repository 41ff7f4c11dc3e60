/// Reads the two formats of apt's sources as sources.list(5) describes them.
///
/// The files come from an image that somebody else made. A source that could do more than fetch signed packages over
/// HTTP(S) is left out, with the reason.
enum AptSourceParser {
  /// Reads a `.list` file: one source a line.
  ///
  /// - Parameters:
  ///   - file: its name, for messages.
  ///   - architecture: stands in for "$(ARCH)".
  static func oneLine(_ bytes: [UInt8], file: String, architecture: String) -> AptSourceList {
    var list = AptSourceList()
    let lines = String(decoding: bytes, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let text = line.prefix { $0 != "#" }.trimmingBlanks
      guard text.hasPrefix("deb ") || text.hasPrefix("deb\t") || text.hasPrefix("deb[") else { continue }
      let origin = "\(file):\(index + 1)"
      list.add(origin) { () throws(UnusableSource) in
        let (fields, rest) = try options(text.dropFirst(3).trimmingBlanks)
        var words = rest.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count >= 2 else { throw UnusableSource(reason: "it lacks a URI or a suite") }
        let uri = words.removeFirst()
        let suite = words.removeFirst()
        return try [
          source(
            uri: uri, suites: [suite], components: words, fields: fields, origin: origin, architecture: architecture)
        ]
      }
    }
    return list
  }

  /// Reads a `.sources` file: one paragraph for each source.
  static func deb822(_ bytes: [UInt8], file: String, architecture: String) -> AptSourceList {
    var list = AptSourceList()
    for (index, stanza) in ControlStanza.parse(bytes).enumerated() {
      guard stanza.words("Types").contains("deb") else { continue }
      if AptSourceCheck.isFalse(stanza["Enabled"] ?? "yes") { continue }
      let origin = "\(file), paragraph \(index + 1)"
      list.add(origin) { () throws(UnusableSource) in
        let uris = stanza.words("URIs")
        let suites = stanza.words("Suites")
        guard !uris.isEmpty, !suites.isEmpty else { throw UnusableSource(reason: "it lacks URIs or Suites") }
        var fields: [String: String] = [:]
        for field in stanza.fields { fields[field.name.lowercased()] = field.value }
        var sources: [AptSource] = []
        for uri in uris {
          sources.append(
            try source(
              uri: uri, suites: suites, components: stanza.words("Components"), fields: fields, origin: origin,
              architecture: architecture))
        }
        return sources
      }
    }
    return list
  }

  /// The URIs of a list of mirrors, the best first (apt-transport-mirror(1)); what isn't http or https is left out.
  static func mirrors(_ bytes: [UInt8]) -> [String] {
    let entries = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).compactMap {
      line -> (priority: Int, uri: String)? in
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, case .uri(let uri)? = try? AptSourceCheck.location(String(first)) else {
        return nil
      }
      let priority = words.dropFirst().first { $0.hasPrefix("priority:") }.flatMap { Int($0.dropFirst(9)) }
      return (priority ?? .max, uri)
    }
    return entries.enumerated().sorted { ($0.element.priority, $0.offset) < ($1.element.priority, $1.offset) }
      .map(\.element.uri)
  }

  private static func source(
    uri: String, suites: [String], components: [String], fields: [String: String], origin: String, architecture: String
  ) throws(UnusableSource) -> AptSource {
    for name in ["trusted", "allow-insecure", "allow-downgrade-to-insecure"] {
      if let value = fields[name], !AptSourceCheck.isFalse(value) {
        throw UnusableSource(reason: "'\(name)' would let unsigned packages in")
      }
    }
    if fields["inrelease-path"] != nil { throw UnusableSource(reason: "'inrelease-path' isn't supported") }
    var checkedSuites: [String] = []
    for suite in suites {
      let name = suite.split(separator: "$(ARCH)", omittingEmptySubsequences: false).joined(separator: architecture)
      checkedSuites.append(try AptSourceCheck.word(name, "suite"))
    }
    var checkedComponents: [String] = []
    for component in components { checkedComponents.append(try AptSourceCheck.word(component, "component")) }
    guard checkedSuites.allSatisfy({ $0.hasSuffix("/") == components.isEmpty }) else {
      throw UnusableSource(reason: "a suite has components unless it is a path that ends in a slash")
    }
    let names = fields["arch"] ?? fields["architectures"] ?? ""
    return AptSource(
      location: try AptSourceCheck.location(uri), suites: checkedSuites, components: checkedComponents,
      architectures: names.split { $0 == "," || $0.isWhitespace }.map(String.init).filter(\.isArchitecture),
      signedBy: try AptSourceCheck.signedBy(fields["signed-by"] ?? ""),
      ignoresExpiry: AptSourceCheck.isFalse(fields["check-valid-until"] ?? "yes"), origin: origin)
  }

  /// Splits "[a=b c=d] rest" into its options and the rest.
  private static func options(_ text: Substring) throws(UnusableSource) -> (fields: [String: String], rest: Substring) {
    guard text.hasPrefix("[") else { return ([:], text) }
    guard let end = text.firstIndex(of: "]") else { throw UnusableSource(reason: "a ']' is missing") }
    var fields: [String: String] = [:]
    for option in text[text.index(after: text.startIndex)..<end].split(whereSeparator: \.isWhitespace) {
      guard let equals = option.firstIndex(of: "=") else {
        throw UnusableSource(reason: "an option in its brackets has no value")
      }
      fields[option[..<equals].lowercased()] = String(option[option.index(after: equals)...])
    }
    return (fields, text[text.index(after: end)...])
  }
}

extension AptSourceList {
  fileprivate mutating func add(_ origin: String, _ read: () throws(UnusableSource) -> [AptSource]) {
    do {
      sources += try read()
    } catch {
      skipped.append("\(origin): \(error.reason)")
    }
  }
}

extension Substring {
  fileprivate var trimmingBlanks: Substring {
    var text = drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return text
  }
}
