import Foundation
import Glibc
import Host
import Testing

@testable import cpbuild

/// The reporter on a real pseudo-terminal and a real pipe.
@Suite struct ProgressReporterTests {
  /// What the reporter writes to a terminal of `columns`; `work` gets the terminal too.
  private func onTerminal(
    columns: UInt16, environment: [String: String] = [:], _ work: (ProgressReporter, CInt) -> Void
  ) throws -> String {
    var primary: CInt = -1
    var secondary: CInt = -1
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    try #require(openpty(&primary, &secondary, nil, nil, &size) == 0)
    defer { close(primary) }
    do {
      defer { close(secondary) }
      let environment = environment.merging(["TERM": "xterm"], uniquingKeysWith: { mine, _ in mine })
      work(
        ProgressReporter(verbosity: .normal, descriptor: secondary, environment: environment, now: { 1 }), secondary)
    }
    return read(primary)
  }

  private func read(_ descriptor: CInt) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    // A terminal whose other side is closed gives EIO after the last byte, a pipe gives 0.
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer.prefix(count)
    }
  }

  private let wipe = "\r\u{1B}[K"

  @Test("on a terminal the status line is drawn over, and nothing of it is left at the end")
  func live() throws {
    let seen = try onTerminal(columns: 60) { reporter, _ in
      reporter.take(.stageStarted(name: "base", detail: nil))
      reporter.take(.stageProgress(name: "base", done: 1, total: 2, unit: .items))
      reporter.take(.stageFinished(name: "base", seconds: 1, cached: false))
      reporter.finish(succeeded: false)
      reporter.take(.warning("too late"))
    }
    #expect(
      seen.debugDescription
        == ("base  0.0 s" + wipe + "[###############---------------] base  1 of 2  0.0 s" + wipe
        + "\u{1B}[32mbase: done, 1.0 s\u{1B}[0m\r\n").debugDescription)
  }

  @Test("a window that shrinks is believed at the next drawing")
  func resize() throws {
    let seen = try onTerminal(columns: 60) { reporter, terminal in
      reporter.take(.stageStarted(name: "a-stage-with-a-long-name", detail: nil))
      var size = winsize(ws_row: 24, ws_col: 10, ws_xpixel: 0, ws_ypixel: 0)
      #expect(ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0)
      reporter.tick()
      reporter.finish(succeeded: false)
    }
    #expect(seen.contains(wipe + "a-stage-…" + wipe))
  }

  @Test("NO_COLOR leaves the colours out, and what is named in an event can't bring its own")
  func noColor() throws {
    let seen = try onTerminal(columns: 60, environment: ["NO_COLOR": "1"]) { reporter, _ in
      reporter.take(.warning("x\u{1B}[31mred"))
      reporter.finish(succeeded: true)
    }
    #expect(seen == "warning: x\\u{1b}[31mred\r\n")
  }

  @Test("a dumb terminal gets plain lines")
  func dumb() throws {
    let seen = try onTerminal(columns: 60, environment: ["TERM": "dumb"]) { reporter, _ in
      reporter.take(.stageStarted(name: "base", detail: "x"))
      reporter.tick()
      reporter.finish(succeeded: false)
    }
    #expect(seen == "base: x\r\nbase: stopped after 0.0 s\r\n")
  }

  @Test("a pipe gets plain lines, and the summary")
  func pipe() throws {
    var ends: [CInt] = [-1, -1]
    try #require(Glibc.pipe(&ends) == 0)
    defer { close(ends[0]) }
    let reporter = ProgressReporter(verbosity: .normal, descriptor: ends[1], now: { 2 })
    reporter.take(.stageStarted(name: "base", detail: nil))
    reporter.take(.stageFinished(name: "base", seconds: 2, cached: false))
    reporter.finish(succeeded: true)
    close(ends[1])
    #expect(read(ends[0]).hasPrefix("base: started\nbase: done, 2.0 s\nSTAGE"))
  }

  @Test("work that fails says where it stopped, and its error comes through")
  func failingWork() async throws {
    var ends: [CInt] = [-1, -1]
    try #require(Glibc.pipe(&ends) == 0)
    defer { close(ends[0]) }
    await #expect(throws: CancellationError.self) {
      try await ProgressReporter.reporting(.normal, descriptor: ends[1]) { reporter in
        reporter.take(.stageStarted(name: "base", detail: nil))
        throw CancellationError()
      }
    }
    close(ends[1])
    #expect(read(ends[0]).contains("base: stopped after"))
  }

  @Test("elapsed time moves on while nothing is heard")
  func ticking() async throws {
    var primary: CInt = -1
    var secondary: CInt = -1
    var size = winsize(ws_row: 24, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0)
    try #require(openpty(&primary, &secondary, nil, nil, &size) == 0)
    defer { close(primary) }
    #expect(fcntl(primary, F_SETFL, O_NONBLOCK) == 0)
    var drawings: Set<Substring> = []
    try await ProgressReporter.reporting(.normal, descriptor: secondary, environment: ["TERM": "xterm"]) { reporter in
      reporter.take(.stageStarted(name: "base", detail: nil))
      // Three times are different within a second, or later on a busy machine; thirty seconds at most.
      for _ in 0..<300 where drawings.count < 3 {
        try await Task.sleep(for: .milliseconds(100))
        drawings.formUnion(read(primary).split(separator: "\r").filter { $0.contains("base") })
      }
    }
    close(secondary)
    #expect(drawings.count >= 3)
  }

  @Test("a reader of stderr that goes away ends nothing")
  func brokenPipe() throws {
    BrokenPipe.becomeAnError()
    var ends: [CInt] = [-1, -1]
    try #require(Glibc.pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let reporter = ProgressReporter(verbosity: .normal, descriptor: ends[1])
    reporter.take(.warning("nobody hears this"))
    reporter.finish(succeeded: true)
  }

  @Test("events from many tasks at once come out as whole lines")
  func concurrency() async throws {
    var ends: [CInt] = [-1, -1]
    try #require(Glibc.pipe(&ends) == 0)
    defer { close(ends[0]) }
    let reporter = ProgressReporter(verbosity: .normal, descriptor: ends[1])
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<100 { group.addTask { reporter.take(.warning("number \(number)")) } }
    }
    close(ends[1])
    let lines = read(ends[0]).split(separator: "\n").map(String.init)
    #expect(Set(lines) == Set((0..<100).map { "warning: number \($0)" }))
  }
}
