/// Columns of text under a head, as `list` commands print them.
struct Table {
  let head: [String]
  private(set) var rows: [[String]] = []

  init(_ head: [String]) { self.head = head }

  /// Adds a row; missing cells are empty, and control characters in any are escaped.
  mutating func add(_ row: [String]) {
    rows.append(head.indices.map { $0 < row.count ? row[$0].escapingControls() : "" })
  }

  /// The lines, each with a newline. Columns are two blanks apart and as wide as their widest cell.
  ///
  /// - Parameter width: the terminal's columns: the last column is cut to fit, with an ellipsis. Nothing is cut with nil,
  ///   which is right for a pipe or file.
  func text(width: Int?) -> String {
    let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
    return ([head] + rows).map { row in
      let line = zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ").trimmingTrailingBlanks
      return (width.map { line.cut(to: $0) } ?? line) + "\n"
    }.joined()
  }
}

extension String {
  /// At least `width` characters, with blanks behind.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }

  /// At most `width` characters, the last an ellipsis where something was left out.
  func cut(to width: Int) -> String {
    count <= width ? self : width < 1 ? "" : prefix(width - 1) + "…"
  }

  fileprivate var trimmingTrailingBlanks: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
