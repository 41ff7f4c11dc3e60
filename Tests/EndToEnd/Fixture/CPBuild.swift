import Foundation
import Host
import Synchronization
import SystemPackage
import Testing

/// The built cpbuild, run as a person or a CI job runs it: from the top of the source tree, with a cache and a folder for
/// artifacts of the test's own.
struct CPBuild: Sendable {
  var cache: FilePath
  var out: FilePath
  /// Further changes to the environment.
  var environment: [String: String?] = [:]

  /// What one run gave.
  struct Run: Sendable {
    let status: Int
    let stdout: String
    /// All of it, line by line.
    let log: [String]
    let seconds: Double

    /// stdout without its last newline: an image's id after a build.
    var answer: String { stdout.trimmingCharacters(in: .whitespacesAndNewlines) }
    var stderr: String { log.joined(separator: "\n") }

    /// The stages that ran, in order; those that were taken from the cache are left out.
    var stagesDone: [String] { stages(ending: ": done, ") }
    var stagesCached: [String] { stages(ending: ": cached, ") }

    private func stages(ending: String) -> [String] {
      log.compactMap { line in line.firstRange(of: ending).map { String(line[..<$0.lowerBound]) } }
    }

    func json<Document: Decodable>(_ type: Document.Type) throws -> Document {
      try JSONDecoder().decode(type, from: Data(stdout.utf8))
    }
  }

  /// `$CPBUILD`, else the one beside the test bundle, in the folder that SwiftPM builds into.
  static var binary: FilePath {
    get throws {
      if let chosen = ProcessInfo.processInfo.environment["CPBUILD"], !chosen.isEmpty { return FilePath(chosen) }
      let bundle = CommandLine.arguments.lazy.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments.first ?? ""
      let path = FilePath(bundle).removingLastComponent().appending("cpbuild")
      try #require(FileManager.default.isExecutableFile(atPath: path.string), "no cpbuild beside \(bundle)")
      return path
    }
  }

  /// The top of the source tree: Tests/EndToEnd/Fixture/CPBuild.swift is four levels below.
  static let sourceTree = (0..<4).reduce(FilePath(#filePath)) { path, _ in path.removingLastComponent() }

  var fullEnvironment: [String: String?] {
    environment.merging([
      "CPBUILD_CACHE": cache.string, "CPBUILD_HOME": out.appending(".home").string,
    ]) { mine, _ in mine }
  }

  /// Runs `cpbuild arguments… --out <out>`, and says how long it took.
  ///
  /// - Parameter prefix: a program that starts it, with arguments, such as `unshare -n`.
  func run(_ arguments: [String], prefix: [String] = []) async throws -> Run {
    try await run(words: prefix + [try Self.binary.string] + arguments + ["--out", out.string])
  }

  /// Runs a whole command line, and says how long it took.
  func run(words line: [String]) async throws -> Run {
    let log = Mutex<[String]>([])
    let begin = ContinuousClock.now
    let output = try await Command(
      line[0], Array(line.dropFirst()), environment: fullEnvironment, folder: Self.sourceTree
    ).output { text in log.withLock { $0.append(text) } }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    let said = line.drop { !$0.hasSuffix("/cpbuild") }.dropFirst().joined(separator: " ")
    print("cpbuild \(said): status \(output.status), \(String(format: "%.1f", seconds)) s")
    return Run(status: output.status, stdout: output.stdout, log: log.withLock { $0 }, seconds: seconds)
  }

  /// `cpbuild image arguments…`.
  func image(_ arguments: String..., prefix: [String] = []) async throws -> Run {
    try await run(["image"] + arguments, prefix: prefix)
  }

  /// Builds `recipe`, which has to succeed.
  func build(_ recipe: String, _ arguments: String..., prefix: [String] = []) async throws -> BuiltImage {
    let run = try await run(["image", "build", "--verbose", recipe] + arguments, prefix: prefix)
    try #require(run.status == 0, "the build of \(recipe) failed: \(run.stderr)")
    return BuiltImage(id: run.answer, out: out, run: run)
  }
}
