public import Foundation
import Glibc
import SystemPackage

/// One target in a process of its own, so that a trap ends that process and nothing else.
///
/// The child notes the number of each input before it tries it. Whatever kills it, the parent then knows which one it
/// was.
public struct FuzzProcess: Sendable {
  public let target: String
  public let seed: UInt64
  public let inputs: Int
  public let first: Int

  public init(_ target: String, seed: UInt64, inputs: Int, from first: Int = 0) {
    self.target = target
    self.seed = seed
    self.inputs = inputs
    self.first = first
  }

  /// What every child is limited to; a parser that asks for more is stopped, which is a finding.
  static let memoryLimit = 2 << 30
  /// Nor may one input take longer, in seconds.
  static let patience: UInt32 = 60

  /// Runs it to its end.
  ///
  /// - Parameter executable: the `FuzzWorker`.
  public func run(_ executable: URL) throws -> Fuzzer.Report {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let progress = scratch.path.appending("progress")
    let process = Process()
    process.executableURL = executable
    process.arguments = [
      "--child", scratch.path.string, "--seed", String(seed), "--inputs", String(inputs), "--from", String(first),
      target,
    ]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus == 0, let report = try? JSONDecoder().decode(Fuzzer.Report.self, from: data) {
      return report
    }
    let number = try? String(contentsOfFile: progress.string, encoding: .utf8).prefix { $0.isNumber }
    var report = Fuzzer.Report(target: target)
    let how = process.terminationReason == .uncaughtSignal ? "signal" : "status"
    report.finding = "input \(number ?? "?"): the process ended with \(how) \(process.terminationStatus)"
    return report
  }

  /// What the child does.
  ///
  /// - Parameter target: the one that was asked for.
  public func runHere(_ target: FuzzTarget, scratch: Scratch) throws -> Fuzzer.Report {
    var limit = rlimit(rlim_cur: rlim_t(Self.memoryLimit), rlim_max: rlim_t(Self.memoryLimit))
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    let descriptor = open(scratch.path.appending("progress").string, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
    defer { close(descriptor) }
    var fuzzer = Fuzzer(target, seed: seed)
    fuzzer.announce = { index in
      // SIGALRM ends the process.
      alarm(Self.patience)
      let line = Array("\(index) ".utf8)
      pwrite(descriptor, line, line.count, 0)
    }
    let report = fuzzer.run(inputs, from: first)
    alarm(0)
    return report
  }
}
