/// The rule that project ids and network names share, since both become file names, key pair names, parts of
/// certificate names and words of configuration files: 1 to 64 ASCII letters, digits, `-`, `_` and `.`, the first of
/// them a letter, a digit or `_`.
///
/// So one can't be read as an option (`-rf`), a hidden file, the folder `..`, a second word or a second line.
enum FileSafeName {
  static func check(_ text: some StringProtocol, kind: String, limit: Int) throws(NameError) -> String {
    func refusal(_ reason: NameError.Reason) -> NameError {
      NameError(
        kind: kind, text: text, reason: reason,
        remedy: "1 to \(limit) letters (a-z, A-Z), digits, '-', '_' and '.', not starting with '-' or '.'")
    }
    // Generic text is several times slower to look through, and a list of all projects has 10,000 names.
    let text = String(text)
    guard !text.isEmpty else { throw refusal(.empty) }
    for (index, scalar) in text.unicodeScalars.enumerated() {
      guard scalar.isASCIIAlphanumeric || "-_.".unicodeScalars.contains(scalar) else {
        throw refusal(.character(scalar, position: index + 1, why: scalar.kindOfRefused))
      }
      if index == 0 && (scalar == "-" || scalar == ".") {
        throw refusal(.character(scalar, position: 1, why: "not allowed at the start"))
      }
    }
    let length = text.unicodeScalars.count
    guard length <= limit else { throw refusal(.tooLong(length: length, limit: limit, unit: "characters")) }
    return text
  }
}
