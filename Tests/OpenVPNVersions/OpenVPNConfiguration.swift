/// The options of a configuration, as far as their names go.
public struct OpenVPNConfiguration: Sendable {
  /// Those that its own OpenVPN takes.
  public private(set) var options: Set<String> = []
  /// Those that it pushes to clients.
  public private(set) var pushed: Set<String> = []

  /// Reads a configuration file: a line an option; what stands between `<option>` and `</option>` is a file's content.
  public init(_ text: String) {
    var inline: String?
    for line in text.split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let first = words.first, !"#;".contains(first.prefix(1)) else { continue }
      if let open = inline {
        if first == "</\(open)>" { inline = nil }
      } else if first.hasPrefix("<") {
        let name = String(first.dropFirst().dropLast())
        inline = name
        options.insert(name)
      } else {
        options.insert(first)
        if first == "push", words.count > 1 { pushed.insert(words[1].replacing("\"", with: "")) }
      }
    }
  }

  /// Reads a script's command lines: the options of each line that runs openvpn.
  public init(script: String) {
    for line in script.split(separator: "\n") where line.contains(/\bopenvpn\b.* --/) {
      let program = line.ranges(of: "openvpn").first?.upperBound ?? line.startIndex
      for match in line[program...].matches(of: /\s--([a-z0-9-]+)/) { options.insert(String(match.1)) }
    }
  }

  /// What is wrong with it for at least one supported version; empty where all take it and do the same.
  ///
  /// - Parameter irrelevant: options whose default may differ, since they mean nothing to this side.
  public func complaints(irrelevant: Set<String>) -> [String] {
    let unusable = options.union(pushed).sorted().compactMap { name -> String? in
      guard let option = OpenVPNOption.known[name] else { return "\(name) isn't in the table of options" }
      if let removed = option.removed { return "\(name) was removed in \(removed.rawValue)" }
      return option.isUsable ? nil : "\(name) came with \(option.since.rawValue)"
    }
    let open = OpenVPNOption.known.values.filter { option in
      option.newDefault != nil && !irrelevant.contains(option.name) && !options.contains(option.name)
    }
    return unusable + open.map { "\($0.name) is left to a default that changed: \($0.note)" }.sorted()
  }
}
