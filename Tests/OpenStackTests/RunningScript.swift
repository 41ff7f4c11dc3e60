import Foundation
import Synchronization
import SystemPackage

/// A script of the fixture's that runs for a while; it also ends when this process does.
final class RunningScript: Sendable {
  static var folder: FilePath { FilePath(#filePath).removingLastComponent().appending("Fixture") }

  private let process: Mutex<Process>

  private init(_ process: sending Process) { self.process = Mutex(process) }

  /// - Returns: the script, and the first line that it printed.
  static func start(_ name: String, _ arguments: [String]) async throws -> (RunningScript, Data) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = [folder.appending(name).string] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let line = await firstLine(of: output.fileHandleForReading)
    return (RunningScript(process), line)
  }

  private static func firstLine(of handle: FileHandle) async -> Data {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var line = Data()
        while let byte = try? handle.read(upToCount: 1), let first = byte.first, first != 10 { line.append(first) }
        continuation.resume(returning: line)
      }
    }
  }

  func stop() {
    process.withLock { process in
      process.terminate()
      process.waitUntilExit()
    }
  }
}
