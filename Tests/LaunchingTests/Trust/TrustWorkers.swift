import Foundation
import State
import SystemPackage
import Testing

/// A `TrustWorker`, which is built beside the tests.
final class TrustWorker {
  private let process = Process()
  private let output = Pipe()
  private var words = Data()

  init(in home: Home, count: Int, name: String) throws {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let url = tests.deletingLastPathComponent().appending(path: "TrustWorker")
    try #require(FileManager.default.isExecutableFile(atPath: url.path), "\(url.path) isn't built")
    process.executableURL = url
    process.arguments = [home.path.string, String(count), name]
    process.standardOutput = output
    try process.run()
  }

  deinit { if process.isRunning { kill() } }

  /// As `kill -9` does.
  func kill() { Foundation.kill(process.processIdentifier, SIGKILL) }

  /// Waits until it has done something, or has ended.
  func waitForWords() { words += output.fileHandleForReading.availableData }

  /// Waits for its end; gives how it ended, and what it had said by then.
  func end() -> (status: Int32, wasKilled: Bool, log: TrustLog) {
    words += output.fileHandleForReading.readDataToEndOfFile()
    let text = String(decoding: words, as: UTF8.self)
    process.waitUntilExit()
    // What stands behind the last line break was cut off.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    return (process.terminationStatus, process.terminationReason == .uncaughtSignal, TrustLog(lines.map(String.init)))
  }
}

/// What processes said that they had done.
struct TrustLog {
  var issued: [String] = []
  /// The serial numbers of each revocation.
  var revocations: [[String]] = []
  var prepared: [String] = []

  init(_ lines: [String] = []) {
    for line in lines {
      let words = line.split(separator: " ").map(String.init)
      switch words.first {
      case "issued", "renewed": issued += words.dropFirst()
      case "revoked": revocations.append(Array(words.dropFirst()))
      case "prepared": prepared += words.dropFirst()
      default: Issue.record("\(line)")
      }
    }
  }

  static func += (log: inout TrustLog, other: TrustLog) {
    log.issued += other.issued
    log.revocations += other.revocations
    log.prepared += other.prepared
  }

  var revoked: [String] { revocations.flatMap { $0 } }
}
