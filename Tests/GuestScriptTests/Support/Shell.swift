import Foundation

/// What a command did.
struct Outcome: Equatable, Sendable, CustomStringConvertible {
  let status: Int32
  /// Standard output and standard error, as they came.
  let output: String

  var succeeded: Bool { status == 0 }
  var description: String { "exit \(status): \(output)" }
}

/// A command that a fixture needs and that failed.
struct CommandFailed: Error, CustomStringConvertible {
  let command: [String]
  let outcome: Outcome
  var description: String { "\(command.joined(separator: " ")): \(outcome)" }
}

enum Shell {
  /// Runs a command to its end, or for `seconds` at most.
  static func run(_ command: [String], seconds: Int = 60) throws -> Outcome {
    let output = try Scratch()
    defer { output.remove() }
    let command = ["timeout", "--kill-after=5", "\(seconds)"] + command
    let status = try Child(command, output: output.path("output")).wait()
    let data = try Data(contentsOf: URL(filePath: output.path("output")))
    return Outcome(status: status, output: String(decoding: data, as: UTF8.self))
  }

  /// Runs a command that has to succeed, and returns what it printed.
  @discardableResult
  static func check(_ command: [String], seconds: Int = 60) throws -> String {
    let outcome = try run(command, seconds: seconds)
    guard outcome.succeeded else { throw CommandFailed(command: command, outcome: outcome) }
    return outcome.output
  }
}

/// A folder of one test's own.
struct Scratch: Sendable {
  let folder: String

  init() throws {
    folder = "/tmp/cloudpipe-guest-test-\(UUID().uuidString.prefix(8).lowercased())"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  var name: String { (folder as NSString).lastPathComponent }
  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

/// Where the files under test are.
enum Repository {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
  static let overlay = "\(root)/overlays/cloudpipe"
  static let autorun = "\(root)/Sources/Payload/Resources/autorun.sh"
  static let fixture = "\(root)/Tests/GuestScriptTests/Fixture"

  /// What the overlay lays in at `path`.
  static func text(of path: String) throws -> String {
    try String(contentsOfFile: overlay + path, encoding: .utf8)
  }

  /// The shell scripts that run in a guest.
  static func scripts() throws -> [String] {
    let found = try Shell.check([
      "grep", "--recursive", "--files-with-matches", "^#!/bin/\\(busybox \\)\\?sh$", "\(root)/overlays", autorun,
    ])
    return found.split(separator: "\n").map(String.init).sorted()
  }
}
