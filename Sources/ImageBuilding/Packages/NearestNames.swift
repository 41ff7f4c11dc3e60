/// Names that a person may have meant.
enum NearestNames {
  /// The three of `names` that are nearest to `name`, the nearest first: those that differ by a third of its letters at
  /// most, or begin with it.
  static func of(_ name: String, in names: [String]) -> [String] {
    let bytes = Array(name.utf8)
    let limit = max(1, bytes.count / 3)
    let candidates = names.compactMap { candidate -> (distance: Int, name: String)? in
      let other = Array(candidate.utf8)
      if other.starts(with: bytes) { return (min(limit, other.count - bytes.count), candidate) }
      guard abs(other.count - bytes.count) <= limit else { return nil }
      let distance = distance(bytes, other)
      return distance <= limit ? (distance, candidate) : nil
    }
    return candidates.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
  }

  /// How many letters have to be added, left out or changed (Levenshtein).
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let change = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(change, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
