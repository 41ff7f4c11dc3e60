/// Makes texts of the characters that parsers of names and addresses stumble over.
enum TextGrammar {
  private static let odd: [Unicode.Scalar] = [
    "\0", "\u{1}", "\t", "\n", "\r", "\u{1b}", " ", "\"", "'", "\\", "/", ".", "-", "_", "@", "+", ":", "*", "$", "`",
    "\u{7f}", "\u{85}", "\u{a0}", "\u{ad}", "\u{301}", "\u{200b}", "\u{200d}", "\u{202e}", "\u{2028}", "\u{2066}",
    "\u{fe0f}", "\u{feff}", "\u{fffd}", "\u{e000}", "\u{1f468}", "\u{10ffff}", "é", "ß", "ж", "字", "ﬁ", "Å", "İ",
  ]

  /// Up to `length` scalars, most of them plain.
  static func word(_ generator: inout SeededGenerator, length: Int = 70) -> String {
    var text = String.UnicodeScalarView()
    for _ in 0..<generator.below(length) {
      switch generator.below(12) {
      case 0: text.append(generator.pick(odd) ?? " ")
      case 1: text.append(Unicode.Scalar(UInt32(generator.below(0x11_0000))) ?? "?")
      case 2: text.append(Unicode.Scalar(UInt8(0x30 + generator.below(10))))
      default: text.append(Unicode.Scalar(UInt8(0x61 + generator.below(26))))
      }
    }
    return String(text)
  }

  /// Numbers, hex and separators as addresses have them.
  static func address(_ generator: inout SeededGenerator) -> String {
    let separators = [".", ":", "::", "/", "-", "%", " ", ""]
    return (0..<generator.below(12)).map { _ in
      let number =
        switch generator.below(6) {
        case 0: String(generator.below(256))
        case 1: String(generator.below(70000), radix: 16)
        case 2: "0" + String(generator.below(300))
        case 3: String(UInt64.random(in: .min ... .max, using: &generator))
        case 4: word(&generator, length: 3)
        default: String(generator.below(40))
        }
      return number + (generator.pick(separators) ?? "")
    }.joined()
  }
}
