extension String {
  /// The same with every character that could move the cursor, colour, hide or reverse text as `\u{…}`: Unicode's
  /// controls, formats (bidirectional overrides, zero-width characters), and line and paragraph separators.
  ///
  /// - Parameter keepingLines: line feeds stay as they are.
  func escapingControls(keepingLines: Bool = false) -> String {
    if isPrintableASCII { return self }
    var result = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control where keepingLines && scalar == "\n":
        result.unicodeScalars.append(scalar)
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default:
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// As nearly all that is printed: without anything to escape, and a byte is a character.
  var isPrintableASCII: Bool { utf8.allSatisfy { (0x20..<0x7f).contains($0) } }
}
