/// What a console says that it didn't before, where each look shows the end of all that was said only.
enum ConsoleNews {
  /// - Returns: what follows in `console` what was there before: the longest beginning that `said` ends with. All of it
  ///   where there is none, as after a boot.
  static func news(in console: String, after said: String) -> String {
    // A character that was cut in two at the beginning of what is shown.
    let latest = Array(console.drop { $0 == "\u{FFFD}" }.utf8)
    return String(decoding: latest.dropFirst(overlap(of: Array(said.utf8), and: latest)), as: UTF8.self)
  }

  /// The length of the longest end of `said` that `latest` begins with, in a time that is linear in theirs: the algorithm
  /// of Knuth, Morris and Pratt (https://doi.org/10.1137/0206024).
  private static func overlap(of said: [UInt8], and latest: [UInt8]) -> Int {
    let longest = min(said.count, latest.count)
    // Of each beginning of `latest`: how long a shorter beginning it ends with.
    var borders: [Int] = []
    borders.reserveCapacity(longest)
    func longer(_ length: Int, by byte: UInt8) -> Int {
      var length = length
      while length > 0 && latest[length] != byte { length = borders[length - 1] }
      return latest[length] == byte ? length + 1 : 0
    }
    for byte in latest.prefix(longest) { borders.append(borders.last.map { longer($0, by: byte) } ?? 0) }
    return said.suffix(longest).reduce(0) { longer($0, by: $1) }
  }
}
