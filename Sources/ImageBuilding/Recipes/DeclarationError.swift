public import SystemPackage

/// Why a recipe or an overlay's declaration can't be used. Line and column point at the place, counted from 1.
public struct DeclarationError: Error, Equatable, Sendable, CustomStringConvertible {
  public let file: FilePath
  public let line: Int
  public let column: Int
  public let reason: String

  public var description: String { "\(file):\(line):\(column): \(reason)" }
}
