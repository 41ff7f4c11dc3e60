import Foundation
import Glibc
import Host
import SystemPackage
import Testing

/// A cpbuild that goes on while the test looks at it, so that it can be ended in the middle.
final class RunningCommand {
  private let process = Process()
  private let log: FilePath

  /// A build.
  ///
  /// - Parameter log: a file for what it says on stderr.
  convenience init(_ cpbuild: CPBuild, _ arguments: [String], log: FilePath) throws {
    try self.init(
      [CPBuild.binary.string, "image", "build", "--verbose"] + arguments + ["--out", cpbuild.out.string], of: cpbuild,
      log: log)
  }

  /// - Parameters:
  ///   - words: an absolute path, and arguments.
  ///   - log: a file for what it says on stderr.
  init(_ words: [String], of cpbuild: CPBuild, log: FilePath) throws {
    self.log = log
    process.executableURL = URL(filePath: try #require(words.first))
    process.arguments = Array(words.dropFirst())
    var environment = ProcessInfo.processInfo.environment
    for (name, value) in cpbuild.fullEnvironment { environment[name] = value }
    process.environment = environment
    process.currentDirectoryURL = URL(filePath: CPBuild.sourceTree.string)
    try Data().write(to: URL(filePath: log.string))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: log.string))
    process.standardOutput = FileHandle.nullDevice
    try process.run()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  var said: String { (try? String(contentsOfFile: log.string, encoding: .utf8)) ?? "" }

  /// Waits until a line begins with `text`, or with `other`.
  func wait(for text: String, or other: String? = nil, seconds: Double = 300) async throws {
    func isThere() -> Bool {
      let said = "\n" + said
      return [text, other].compactMap(\.self).contains { said.contains("\n\($0)") }
    }
    try await wait(seconds, "'\(text)'") { isThere() || !process.isRunning }
    try #require(isThere(), "it ended before '\(text)': \(said)")
  }

  /// Sends a signal and waits for the end.
  ///
  /// - Returns: the exit status, or the signal's number for one that a signal ended.
  func end(_ signal: CInt) async throws -> CInt {
    kill(process.processIdentifier, signal)
    return try await finish(seconds: 30)
  }

  func finish(seconds: Double = 600) async throws -> CInt {
    try await wait(seconds, "the end") { !process.isRunning }
    return process.terminationStatus
  }

  private func wait(_ seconds: Double, _ what: String, until isOver: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !isOver() {
      try #require(ContinuousClock.now < deadline, "waited \(seconds) s for \(what): \(said)")
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

/// Processes whose command line names a folder.
enum Strays {
  static func naming(_ folder: FilePath) -> [String] {
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return numbers.filter { Int($0) != nil }.compactMap { number in
      guard let line = try? Data(contentsOf: URL(filePath: "/proc/\(number)/cmdline")) else { return nil }
      let text = String(decoding: line.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
      return text.contains(folder.string) ? "\(number): \(text)" : nil
    }
  }

  /// Expects that none is left within five seconds, which is what a kernel may take to end them.
  static func expectNone(naming folder: FilePath, _ location: SourceLocation = #_sourceLocation) async throws {
    for _ in 0..<50 where !naming(folder).isEmpty { try await Task.sleep(for: .milliseconds(100)) }
    #expect(naming(folder).isEmpty, sourceLocation: location)
  }
}
