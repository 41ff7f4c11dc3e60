import Foundation
import SystemPackage

extension FilePath {
  /// A path as it was typed, made absolute.
  static func fromCommandLine(_ text: String) -> FilePath {
    FilePath(FileManager.default.currentDirectoryPath).pushing(FilePath(text))
  }
}
