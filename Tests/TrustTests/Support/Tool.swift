import Foundation

/// Runs programs that we did not write. A program that isn't there fails the test that needs it.
struct Tool {
  struct Missing: Error, CustomStringConvertible {
    let name: String
    var description: String { "\(name) is not installed, and this test proves nothing without it (make deps)" }
  }

  struct Result {
    let status: Int32
    let output: String
    var succeeded: Bool { status == 0 }
  }

  /// Runs a program to its end, standard output and error together.
  static func run(_ name: String, _ arguments: [String], in folder: URL) async throws -> Result {
    let log = folder.appendingPathComponent(".log-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: log) }
    let process = try await start(name, arguments, in: folder, log: log)
    let status = await process.exitStatus()
    return Result(status: status, output: String(decoding: try Data(contentsOf: log), as: UTF8.self))
  }

  /// Starts a program that writes to `log`.
  static func start(_ name: String, _ arguments: [String], in folder: URL, log: URL) async throws -> RunningTool {
    guard let path = path(of: name) else { throw Missing(name: name) }
    guard FileManager.default.createFile(atPath: log.path, contents: nil) else { throw CocoaError(.fileWriteUnknown) }
    let output = try FileHandle(forWritingTo: log)
    defer { try? output.close() }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    return try RunningTool(process, log: log)
  }

  private static func path(of name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    for folder in folders + ["/usr/sbin", "/sbin"] {
      let path = "\(folder)/\(name)"
      if access(path, X_OK) == 0 { return path }
    }
    return nil
  }
}

/// A program that was started; ended at the latest with `stop`.
final class RunningTool: @unchecked Sendable {
  // Process is used from one task at a time: the one that started it.
  private let process: Process
  private let log: URL
  private let ended: AsyncStream<Int32>

  init(_ process: Process, log: URL) throws {
    self.process = process
    self.log = log
    let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
    ended = stream
    process.terminationHandler = { process in
      continuation.yield(process.terminationStatus)
      continuation.finish()
    }
    try process.run()
  }

  /// Waits for the end of the program.
  func exitStatus() async -> Int32 {
    for await status in ended { return status }
    return -1
  }

  /// Kills the program and waits for its end.
  func stop() async {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    _ = await exitStatus()
  }

  /// What the program wrote so far.
  var output: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

  /// Waits until a line of the output from the given character on matches; nil when none did in time.
  func line(matching pattern: String, after start: Int = 0, within seconds: Double = 20) async throws -> String? {
    let expression = try Regex(pattern)
    let deadline = Date() + seconds
    repeat {
      let text = output.dropFirst(start)
      if let line = text.split(separator: "\n").first(where: { $0.contains(expression) }) { return String(line) }
      try await Task.sleep(for: .milliseconds(30))
    } while Date() < deadline
    return nil
  }
}

/// A folder that is gone after the test, even when it failed.
func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("trust-\(UUID().uuidString)")
  try FileManager.default.createDirectory(
    at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder)
}
