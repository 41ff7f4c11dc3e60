/// Makes YAML of the words that recipes are made of, put together by chance.
enum RecipeGrammar {
  static let words = [
    "base:", "path: ", "url: ", "sha256: ", "sha512: ", "checksums: ", "bootstrap: host", "packages:", "overlays:",
    "root:", "size: ", "memory: ", "omit:", "docs", "checks:", "files:", "enabled:", "download: ", "name: ", "- ", "{",
    "}", "[", "]", ": ", "\n", "\n  ", "&a ", "*a", "!!binary ", "!!map", "|", ">", "\"", "'", "? ", "---\n", "...\n",
    "<<: ", "~", "null", ".inf", "0x7fffffffffffffff", "99999999999999999999", "-1", "1 GiB", "64 GiB", "1e9 GiB",
    "18446744073709551615 GiB", "\u{feff}", "\t", "#", "%YAML 9.9\n",
  ]
  private static let keys = [
    "base", "path", "url", "sha256", "bootstrap", "packages", "overlays", "root", "size", "memory", "omit", "checks",
    "files", "enabled", "download", "name", "summary", "surprise", "",
  ]
  private static let values = [
    "host", "openvpn", "1 GiB", "9999999 TiB", "-1 MiB", "512", "0", "99999999999999999999", "true", "~", ".nan",
    "https://a.example/b", "file:///etc/passwd", "/etc/rc.local", "../../x", "\"a\\0b\"", "'", "\"\\xff\"", "docs",
    "2001-01-01", "!!binary aGk=", "*x", "&x y",
  ]

  static func recipe(_ generator: inout SeededGenerator) -> [UInt8] {
    // Deep nesting in a few bytes.
    if generator.once(in: 200) {
      return Array(String(repeating: generator.pick(["[", "{a: ", "- "]) ?? "[", count: generator.below(20_000)).utf8)
    }
    let head = generator.once(in: 2) ? "base: {bootstrap: host}\n" : ""
    return Array((head + mapping(&generator, indent: 0, depth: 0)).utf8)
  }

  private static func mapping(_ generator: inout SeededGenerator, indent: Int, depth: Int) -> String {
    (0..<1 + generator.below(5)).map { _ in
      String(repeating: " ", count: indent) + (generator.pick(keys) ?? "") + ":"
        + value(&generator, indent: indent + 2, depth: depth + 1)
    }.joined()
  }

  private static func value(_ generator: inout SeededGenerator, indent: Int, depth: Int) -> String {
    switch generator.below(depth > 4 ? 3 : 6) {
    case 0: " \(generator.pick(values) ?? "")\n"
    case 1: " [\((0..<generator.below(4)).map { _ in generator.pick(values) ?? "" }.joined(separator: ", "))]\n"
    case 2: " \(TextGrammar.word(&generator, length: 20))\n"
    case 3: "\n" + mapping(&generator, indent: indent, depth: depth)
    default:
      "\n"
        + (0..<generator.below(3)).map { _ in
          String(repeating: " ", count: indent) + "-" + value(&generator, indent: indent + 2, depth: depth + 1)
        }.joined()
    }
  }
}
