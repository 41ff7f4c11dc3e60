/// The `settings` file: one `KEY=VALUE` a line, ended by LF. It is read line by line and never run, so there is no
/// quoting, and a value holds letters, digits, spaces and `._:/,@+-` only. Readers ignore keys that they don't know.
enum SettingsText {
  static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9": true
    default: " ._:/,@+-".unicodeScalars.contains(scalar)
    }
  }

  /// Keys without a value are left out.
  ///
  /// - Throws: ``PayloadError/setting(key:why:)``. The types of the settings hold no bad value; this is the last check
  ///   before the text is a root shell's to read.
  static func render(_ pairs: KeyValuePairs<String, String>) throws(PayloadError) -> String {
    var text = ""
    for (key, value) in pairs where !value.isEmpty {
      guard value.unicodeScalars.allSatisfy(isAllowed) else {
        throw PayloadError.setting(key: key, why: "it holds other characters than letters, digits, spaces and ._:/,@+-")
      }
      text += "\(key)=\(value)\n"
    }
    return text
  }
}
