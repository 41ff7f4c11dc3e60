import Foundation
import Glibc
import Host
import Synchronization

/// Shows a build's events on stderr: a line that is drawn over where there is a terminal, plain lines where there isn't.
final class ProgressReporter: Sendable {
  private struct State {
    var board: ProgressBoard
    /// Whether the status line is on the screen, and has to be wiped before anything else is written.
    var isDrawn = false
    var isOver = false
  }

  private let state: Mutex<State>
  private let descriptor: CInt
  private let isLive: Bool
  private let hasColor: Bool
  private let now: @Sendable () -> Double

  /// - Parameters:
  ///   - descriptor: where to write, stderr unless a test has its own.
  ///   - environment: where TERM and NO_COLOR are looked up.
  ///   - now: seconds of a clock that doesn't jump.
  init(
    verbosity: ProgressBoard.Verbosity, descriptor: CInt = STDERR_FILENO,
    environment: [String: String] = ProcessInfo.processInfo.environment, now: (@Sendable () -> Double)? = nil
  ) {
    let begin = ContinuousClock.now
    let now = now ?? { (ContinuousClock.now - begin).inSeconds }
    self.now = now
    self.descriptor = descriptor
    isLive = verbosity > .quiet && Terminal.isLive(descriptor, environment: environment)
    hasColor = isLive && Terminal.hasColor(environment: environment)
    state = Mutex(State(board: ProgressBoard(verbosity: verbosity, isLive: isLive, at: now())))
  }

  /// Runs `work` with a reporter, and leaves the terminal in order however it ends.
  ///
  /// - Throws: what `work` throws.
  static func reporting<Result: Sendable>(
    _ verbosity: ProgressBoard.Verbosity, descriptor: CInt = STDERR_FILENO,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    _ work: (ProgressReporter) async throws -> Result
  ) async throws -> Result {
    let reporter = ProgressReporter(verbosity: verbosity, descriptor: descriptor, environment: environment)
    // Elapsed times move on while nothing is heard.
    let ticker = Task {
      while reporter.isLive && !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(200))
        reporter.tick()
      }
    }
    defer { ticker.cancel() }
    do {
      let result = try await work(reporter)
      reporter.finish(succeeded: true)
      return result
    } catch {
      reporter.finish(succeeded: false)
      throw error
    }
  }

  /// Shows one event; may be called from anywhere.
  func take(_ event: ProgressEvent) {
    state.withLock { state in
      guard !state.isOver else { return }
      let lines = state.board.take(event, at: now())
      write(lines, &state)
    }
  }

  /// Draws the status line anew, as wide as the terminal is by now.
  func tick() {
    state.withLock { state in
      guard isLive, !state.isOver else { return }
      write([], &state)
    }
  }

  /// Says where the time went, or where it stopped, and no more after that.
  func finish(succeeded: Bool) {
    state.withLock { state in
      guard !state.isOver else { return }
      state.isOver = true
      write(succeeded ? state.board.summary(at: now()) : state.board.stopped(at: now()), &state)
    }
  }

  /// Everything goes out in one write, so that a terminal never shows half a line.
  private func write(_ lines: [ProgressBoard.Line], _ state: inout State) {
    var text = state.isDrawn ? Control.wipe : ""
    state.isDrawn = false
    for line in lines { text += painted(line) + "\n" }
    if isLive, !state.isOver, let width = Terminal.width(of: descriptor) {
      // The last column stays free: a terminal may go to the next line when it is written to.
      let status = state.board.status(width: width - 1, at: now())
      text += status
      state.isDrawn = !status.isEmpty
    }
    if !text.isEmpty { _ = writeAll(text, to: descriptor) }
  }

  private func painted(_ line: ProgressBoard.Line) -> String {
    let text = line.text.escapingControls()
    guard hasColor else { return text }
    return switch line.kind {
    case .plain: text
    case .done: Control.green + text + Control.normal
    case .warning: Control.yellow + text + Control.normal
    }
  }

  /// ECMA-48 control sequences that every terminal of today knows.
  private enum Control {
    /// To the first column, and erase to the end of the line.
    static let wipe = "\r\u{1B}[K"
    static let green = "\u{1B}[32m"
    static let yellow = "\u{1B}[33m"
    static let normal = "\u{1B}[0m"
  }
}
