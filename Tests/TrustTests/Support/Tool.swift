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
    let (ended, continuation) = AsyncStream.makeStream(of: Int32.self)
    process.terminationHandler = { process in
      continuation.yield(process.terminationStatus)
      continuation.finish()
    }
    try process.run()
    let status = await ended.first { _ in true } ?? -1
    return Result(status: status, output: String(decoding: try Data(contentsOf: log), as: UTF8.self))
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

/// A folder that is gone after the test, even when it failed.
func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("trust-\(UUID().uuidString)")
  try FileManager.default.createDirectory(
    at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder)
}
