import Foundation

/// Runs a target over many inputs, counts, and watches the process's memory.
public struct Fuzzer {
  public let target: FuzzTarget
  public let seed: UInt64
  /// Told the number of each input before it is tried, so that whoever sees the process die knows which one it was.
  public var announce: (Int) -> Void = { _ in }

  public init(_ target: FuzzTarget, seed: UInt64) {
    self.target = target
    self.seed = seed
  }

  /// What came of a run.
  public struct Report: Codable, Sendable {
    public var target = ""
    public var inputs = 0
    public var accepted = 0
    public var refused = 0
    /// All inputs together, in bytes.
    public var bytes = 0
    public var seconds = 0.0
    /// The slowest input: its number and its seconds.
    public var slowest = 0
    public var slowestSeconds = 0.0
    /// What the process had at its largest, in bytes (VmHWM of proc(5)).
    public var peakMemory = 0
    /// What the process had at the end, less what it had after the first quarter of the inputs, in bytes (VmRSS).
    public var memoryGrowth = 0
    /// How large that may be.
    public var growthLimit = 0
    /// The first broken promise: of which input, and what.
    public var finding: String?
  }

  /// Tries the inputs from `first` on; ends at the first finding.
  public func run(_ count: Int, from first: Int = 0) -> Report {
    var report = Report(target: target.name, growthLimit: target.growthLimit)
    let began = ContinuousClock.now
    var resident = Self.memory("VmRSS:")
    for index in first..<first + count {
      if index == first + count / 4 { resident = Self.memory("VmRSS:") }
      announce(index)
      do {
        try tryInput(index, &report)
      } catch {
        report.finding = "input \(index): \(error)"
        break
      }
    }
    report.seconds = Self.seconds(since: began)
    report.memoryGrowth = Self.memory("VmRSS:") - resident
    report.peakMemory = Self.peakMemory()
    return report
  }

  /// The bytes of one input.
  public func input(_ index: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: seed, input: index)
    return target.make(&generator)
  }

  private func tryInput(_ index: Int, _ report: inout Report) throws {
    let bytes = input(index)
    report.inputs += 1
    report.bytes += bytes.count
    let began = ContinuousClock.now
    switch try target.judge(bytes) {
    case .accepted: report.accepted += 1
    case .refused: report.refused += 1
    }
    let seconds = Self.seconds(since: began)
    if seconds > report.slowestSeconds { (report.slowest, report.slowestSeconds) = (index, seconds) }
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    (ContinuousClock.now - start) / .seconds(1)
  }

  private static func peakMemory() -> Int { memory("VmHWM:") }

  /// A field of /proc/self/status, in bytes.
  private static func memory(_ field: String) -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix(field) })
    else { return 0 }
    return line.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first.map { $0 * 1024 } ?? 0
  }
}
