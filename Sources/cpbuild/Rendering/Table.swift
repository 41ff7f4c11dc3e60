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
    let lines = [head] + rows
    let widths = head.indices.map { column in lines.lazy.map { $0[column].columns }.max() ?? 0 }
    return lines.map { row in
      let line = Self.line(row, widths)
      return (width.map { line.cut(to: $0) } ?? line) + "\n"
    }.joined()
  }

  /// Blanks are only written before a cell that has something, so that none trail.
  private static func line(_ row: [String], _ widths: [Int]) -> String {
    var (line, blanks) = ("", 0)
    for (cell, width) in zip(row, widths) {
      if !cell.isEmpty {
        line += String(repeating: " ", count: blanks) + cell
        blanks = -cell.columns
      }
      blanks += width + 2
    }
    return line
  }
}

extension String {
  /// At least `width` characters, with blanks behind.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - columns)) }

  /// At most `width` characters, the last an ellipsis where something was left out.
  func cut(to width: Int) -> String {
    columns <= width ? self : width < 1 ? "" : prefix(width - 1) + "…"
  }

  /// How many characters it has; to count bytes is much faster.
  fileprivate var columns: Int { isPrintableASCII ? utf8.count : count }
}
