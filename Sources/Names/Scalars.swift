extension Unicode.Scalar {
  /// Whether this is a letter, mark or decimal digit that shows when it is printed.
  ///
  /// Some letters and marks don't show (the Hangul fillers, the variation selectors); two names that differ only in
  /// those would look the same.
  var isVisibleWord: Bool { (isLetter || isMark || isDigit) && !properties.isDefaultIgnorableCodePoint }

  var isLetter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  /// An accent, vowel sign or the like, which joins the scalar before it.
  var isMark: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark: true
    default: false
    }
  }

  var isDigit: Bool { properties.generalCategory == .decimalNumber }

  var isASCIIDigit: Bool { ("0"..."9").contains(self) }

  var isASCIIAlphanumeric: Bool {
    isASCIIDigit || ("a"..."z").contains(self) || ("A"..."Z").contains(self)
  }

  /// What kind of character this is, in the words of an error message.
  var kindOfRefused: String {
    switch properties.generalCategory {
    case .control: "a control character"
    case .format where properties.isBidiControl: "a bidirectional control character"
    case .unassigned: "a code point that Unicode hasn't assigned"
    case .privateUse: "a private use character"
    case .spaceSeparator, .lineSeparator, .paragraphSeparator: "a space or line separator"
    case .format: "an invisible character"
    default: properties.isDefaultIgnorableCodePoint ? "an invisible character" : "not allowed there"
    }
  }
}
