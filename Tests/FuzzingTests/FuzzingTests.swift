import Foundation
import Fuzzing
import Testing

/// A short run of what `make bench` does a million times. Serialized, since each target keeps a core busy.
@Suite("Every parser of outside bytes", .serialized)
struct FuzzingTests {
  @Test("neither traps, hangs, leaks nor breaks a promise", arguments: try await Self.names())
  func fuzz(_ name: String, _ inputs: Int) throws {
    let seed = UInt64.random(in: 1...1_000_000)
    let report = try FuzzProcess(name, seed: seed, inputs: inputs).run(Self.worker())
    #expect(report.finding == nil, "FuzzWorker --seed \(seed) '\(name)': \(report.finding ?? "")")
    #expect(report.inputs == inputs)
    #expect(report.memoryGrowth < report.growthLimit, "\(name), seed \(seed): it grew by \(report.memoryGrowth) bytes")
    #expect(report.peakMemory < 400 << 20, "\(name), seed \(seed): \(report.peakMemory) bytes at its largest")
  }

  static func names() async throws -> [(String, Int)] {
    let scratch = try Scratch()
    defer { scratch.remove() }
    return FuzzTarget.shares(of: 15_000, among: try await FuzzTarget.all(folder: scratch.path))
  }

  /// It is built beside the tests.
  static func worker() throws -> URL {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let url = tests.deletingLastPathComponent().appending(path: "FuzzWorker")
    try #require(FileManager.default.isExecutableFile(atPath: url.path), "\(url.path) isn't built")
    return url
  }
}
