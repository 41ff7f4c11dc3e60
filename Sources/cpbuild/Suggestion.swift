/// What somebody may have meant. The parser suggests options itself, but not commands.
enum Suggestion {
  /// The one of `words` that is nearest to `word`: at most two letters wrong, missing or too many, and fewer than half.
  static func nearest(to word: String, among words: [String]) -> String? {
    let near = words.map { (word: $0, distance: distance(word, $0)) }.min { $0.distance < $1.distance }
    guard let near, near.distance <= 2, near.distance * 2 < near.word.count else { return nil }
    return near.word
  }

  /// Levenshtein's: how many letters have to be inserted, removed or replaced to make one of the other.
  static func distance(_ one: String, _ other: String) -> Int {
    // Nobody means a command by a word of this length, and the time grows with it.
    guard one.count <= 64, other.count <= 64 else { return .max / 2 }
    var row = Array(0...other.count)
    for (index, letter) in one.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for (column, candidate) in other.enumerated() {
        let replaced = diagonal + (letter == candidate ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
      }
    }
    return row[other.count]
  }
}
