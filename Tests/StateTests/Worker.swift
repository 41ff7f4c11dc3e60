import Foundation
import State
import SystemPackage
import Testing

/// A process that uses the state while others do.
final class Worker {
  private let process = Process()
  private let output = Pipe()
  private let errors = Pipe()

  init(_ verb: String, in home: Home, count: Int, name: String) throws {
    process.executableURL = try Self.executable()
    process.arguments = [home.path.string, verb, String(count), name]
    process.standardOutput = output
    process.standardError = errors
    try process.run()
  }

  /// Waits for its end and gives the lines that it printed.
  func lines() -> [String] {
    let data = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 || wasKilled, "\(complaint)")
    if wasKilled { #expect(complaint.isEmpty) }
    return String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map(String.init)
  }

  /// As `kill -9` does.
  func kill() {
    wasKilled = true
    Foundation.kill(process.processIdentifier, SIGKILL)
  }

  private var wasKilled = false

  /// It is built beside the tests.
  private static func executable() throws -> URL {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let url = tests.deletingLastPathComponent().appending(path: "StateWorker")
    try #require(FileManager.default.isExecutableFile(atPath: url.path), "\(url.path) isn't built")
    return url
  }
}
