public import SystemPackage

/// Why a file that people write for cpbuild can't be used. Line and column point at the place, counted from 1.
public struct DeclarationError: Error, Equatable, Sendable, CustomStringConvertible {
  public let file: FilePath
  public let line: Int
  public let column: Int
  public let reason: String

  public init(file: FilePath, line: Int, column: Int, reason: String) {
    self.file = file
    self.line = line
    self.column = column
    self.reason = reason
  }

  public var description: String { "\(file):\(line):\(column): \(reason)" }
}
