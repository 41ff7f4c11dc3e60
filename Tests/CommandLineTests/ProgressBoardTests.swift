import Host
import Testing

@testable import cpbuild

@Suite struct ProgressBoardTests {
  private func board(_ verbosity: ProgressBoard.Verbosity = .normal, live: Bool = false) -> ProgressBoard {
    ProgressBoard(verbosity: verbosity, isLive: live, at: 0)
  }

  @Test("without a terminal, a stage is a line at its start and one at its end")
  func lines() {
    var board = board()
    #expect(board.take(.stageStarted(name: "base", detail: "43 packages"), at: 0).map(\.text) == ["base: 43 packages"])
    #expect(board.take(.stageMessage(name: "base", text: "detail"), at: 1).isEmpty)
    #expect(
      board.take(.stageFinished(name: "base", seconds: 2, cached: false), at: 2).map(\.text) == ["base: done, 2.0 s"])
    #expect(
      board.take(.stageFinished(name: "x", seconds: 0.1, cached: true), at: 2).map(\.text) == ["x: cached, 0.1 s"])
  }

  @Test("without a terminal, progress is told every ten seconds and no oftener")
  func throttle() {
    var board = board()
    _ = board.take(.stageStarted(name: "base", detail: nil), at: 0)
    var told: [String] = []
    for second in 1...25 {
      told += board.take(
        .stageProgress(name: "base", done: UInt64(second) * 1_000_000, total: 25_000_000, unit: .bytes),
        at: Double(second)
      ).map(\.text)
    }
    #expect(told == ["base: 10.0 MB of 25.0 MB, 10.0 s", "base: 20.0 MB of 25.0 MB, 20.0 s"])
  }

  @Test("quiet lets nothing but warnings through")
  func quiet() {
    var board = board(.quiet)
    #expect(board.take(.stageStarted(name: "a", detail: nil), at: 0).isEmpty)
    #expect(board.take(.waiting(for: "x"), at: 0).isEmpty)
    #expect(board.take(.stageProgress(name: "a", done: 1, total: 2, unit: .items), at: 60).isEmpty)
    #expect(board.take(.stageFinished(name: "a", seconds: 1, cached: false), at: 1).isEmpty)
    #expect(board.take(.warning("old"), at: 1) == [ProgressBoard.Line(kind: .warning, text: "warning: old")])
    #expect(board.summary(at: 1).isEmpty)
    #expect(board.stopped(at: 1).isEmpty)
  }

  @Test("verbose shows every message")
  func verbose() {
    var board = board(.verbose, live: true)
    #expect(board.take(.stageMessage(name: "a", text: "Unpacking"), at: 0).map(\.text) == ["a: Unpacking"])
  }

  @Test("the status line shows a bar, and fits into every width", arguments: 0...100)
  func status(width: Int) {
    var board = board(live: true)
    _ = board.take(.stageStarted(name: "packages", detail: nil), at: 0)
    _ = board.take(.stageProgress(name: "packages", done: 3, total: 4, unit: .items), at: 1)
    let line = board.status(width: width, at: 2)
    #expect(line.count <= width)
    if width >= 60 { #expect(line == "[#######################-------] packages  3 of 4  2.0 s") }
  }

  @Test("numbers that make no sense draw no bar and don't trap")
  func oddNumbers() {
    var board = board(live: true)
    _ = board.take(.stageStarted(name: "a", detail: nil), at: 5)
    for (done, total) in [(UInt64.max, UInt64(1)), (1, 0), (0, .max), (.max, .max)] {
      _ = board.take(.stageProgress(name: "a", done: done, total: total, unit: .bytes), at: 5)
      #expect(board.status(width: 80, at: 0).count <= 80)
    }
    #expect(board.take(.stageProgress(name: "never started", done: 1, total: nil, unit: .items), at: 99).isEmpty)
  }

  @Test("stages that overlap are counted, and the others show again when one ends")
  func overlap() {
    var board = board(live: true)
    _ = board.take(.stageStarted(name: "a", detail: nil), at: 0)
    _ = board.take(.stageStarted(name: "b", detail: nil), at: 0)
    #expect(board.status(width: 80, at: 1) == "b  1.0 s  (and 1 more)")
    _ = board.take(.stageFinished(name: "b", seconds: 1, cached: false), at: 1)
    #expect(board.status(width: 80, at: 1) == "a  1.0 s")
    _ = board.take(.waiting(for: "another build"), at: 1)
    #expect(board.status(width: 80, at: 1).hasPrefix("waiting for another build"))
  }

  @Test("the summary says where the time went, a failure where it stopped")
  func summary() {
    var board = board()
    _ = board.take(.stageFinished(name: "base", seconds: 30, cached: false), at: 30)
    _ = board.take(.stageFinished(name: "packages", seconds: 10, cached: true), at: 40)
    _ = board.take(.stageStarted(name: "finish", detail: nil), at: 40)
    #expect(
      board.summary(at: 40).map(\.text) == [
        "STAGE     TIME    SHARE", "base      30.0 s  75%", "packages  10.0 s  25% (cached)", "in all    40.0 s",
      ])
    #expect(board.stopped(at: 42).map(\.text) == ["finish: stopped after 2.0 s"])
  }
}
