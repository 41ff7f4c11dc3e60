import Foundation
import Host
import SystemPackage
import Testing

/// The cpbuild that was built along with the tests, run as a person or a script runs it.
enum Binary {
  /// Beside the test bundle, in the folder that SwiftPM builds into: the runner is started with the bundle's path.
  static var path: FilePath {
    get throws {
      let bundle = CommandLine.arguments.lazy.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments.first ?? ""
      let path = FilePath(bundle).removingLastComponent().appending("cpbuild")
      try #require(FileManager.default.isExecutableFile(atPath: path.string), "no cpbuild beside \(bundle)")
      return path
    }
  }

  /// Runs it with `arguments`, in a home of its own unless they name one.
  static func run(
    _ arguments: [String], environment: [String: String?] = [:], folder: FilePath? = nil
  ) async throws -> Command.Output {
    var environment = environment
    environment.merge(["CPBUILD_HOME": "/nonexistent/cpbuild-test"]) { mine, _ in mine }
    return try await Command(try path.string, arguments, environment: environment, folder: folder).output()
  }
}

/// Runs `body` with a folder of its own, which goes when it ends, however it ends.
func withTemporaryFolder(_ body: (FilePath) async throws -> Void) async throws {
  let folder = try Folder.makeTemporary("cpbuild-test")
  defer { try? Folder.remove(folder) }
  try await body(folder)
}

/// The top of the source tree.
let sourceTree = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
