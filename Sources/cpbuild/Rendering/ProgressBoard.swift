import Host

/// What is known of a build from its events: a value without I/O, that says in lines what is to be seen.
///
/// Times are in seconds of any clock that doesn't jump.
struct ProgressBoard {
  /// How much is said.
  enum Verbosity: Int, Comparable {
    /// Warnings alone.
    case quiet
    case normal
    /// Every message of every stage too.
    case verbose

    static func < (left: Verbosity, right: Verbosity) -> Bool { left.rawValue < right.rawValue }
  }

  /// A line that stays.
  struct Line: Equatable {
    enum Kind { case plain, done, warning }
    var kind = Kind.plain
    let text: String
  }

  /// A stage that isn't over.
  struct Stage {
    let name: String
    let started: Double
    var done: UInt64 = 0
    var total: UInt64?
    var unit = ProgressEvent.Unit.items
    /// When a line last told of its progress.
    var told: Double
  }

  /// Seconds between two lines about one stage's progress, where lines can't be drawn over.
  static let tellingInterval = 10.0

  let verbosity: Verbosity
  /// Whether a status line shows what runs at the moment, so that lines about it aren't needed.
  let isLive: Bool
  private let begin: Double
  private var active: [Stage] = []
  private var finished: [(name: String, seconds: Double, cached: Bool)] = []
  private var waitingFor: String?

  init(verbosity: Verbosity, isLive: Bool, at now: Double) {
    self.verbosity = verbosity
    self.isLive = isLive
    begin = now
  }

  /// Takes one event in.
  ///
  /// - Returns: the lines to print because of it.
  mutating func take(_ event: ProgressEvent, at now: Double) -> [Line] {
    if case .warning(let text) = event { return [Line(kind: .warning, text: "warning: \(text)")] }
    waitingFor = nil
    switch event {
    case .stageStarted(let name, let detail):
      active.append(Stage(name: name, started: now, told: now))
      let text = detail.map { "\(name): \($0)" } ?? "\(name): started"
      return isLive && verbosity < .verbose ? [] : said(text)
    case .stageProgress(let name, let done, let total, let unit):
      return progress(of: name, at: now, done: done, total: total, unit: unit)
    case .stageMessage(let name, let text):
      return verbosity == .verbose ? [Line(text: "\(name): \(text)")] : []
    case .stageFinished(let name, let seconds, let cached):
      active.removeAll { $0.name == name }
      finished.append((name, seconds, cached))
      return verbosity == .quiet
        ? [] : [Line(kind: .done, text: "\(name): \(cached ? "cached" : "done"), \(Quantity.seconds(seconds))")]
    case .waiting(let thing):
      waitingFor = thing
      return said("waiting for \(thing)")
    case .warning:
      return []
    }
  }

  private mutating func progress(
    of name: String, at now: Double, done: UInt64, total: UInt64?, unit: ProgressEvent.Unit
  ) -> [Line] {
    guard let index = active.firstIndex(where: { $0.name == name }) else { return [] }
    active[index].done = done
    active[index].total = total
    active[index].unit = unit
    guard !isLive, now - active[index].told >= Self.tellingInterval else { return [] }
    active[index].told = now
    return said("\(name): \(active[index].amount), \(Quantity.seconds(now - active[index].started))")
  }

  private func said(_ text: String) -> [Line] { verbosity == .quiet ? [] : [Line(text: text)] }

  /// What runs at the moment, in one line of at most `width` characters; empty when nothing does.
  func status(width: Int, at now: Double) -> String {
    if let waitingFor {
      return "waiting for \(waitingFor)  \(Quantity.seconds(now - begin))".escapingControls().cut(to: width)
    }
    guard let stage = active.last else { return "" }
    let others = active.count > 1 ? "  (and \(active.count - 1) more)" : ""
    let text = [stage.name, stage.amount, Quantity.seconds(now - stage.started)].filter { !$0.isEmpty }
      .joined(separator: "  ")
    let line = (text + others).escapingControls()
    // A bar, if there is room for one that shows something.
    let room = min(width - line.count - 4, 30)
    guard let share = stage.share, room >= 8 else { return line.cut(to: width) }
    let filled = Int((share * Double(room)).rounded())
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: room - filled) + "] " + line
  }

  /// Where the time went, when all went well.
  func summary(at now: Double) -> [Line] {
    guard verbosity > .quiet, !finished.isEmpty else { return [] }
    let whole = now - begin
    var table = Table(["STAGE", "TIME", "SHARE"])
    for stage in finished {
      let share = whole > 0 ? Int((100 * stage.seconds / whole).rounded()) : 0
      table.add([
        stage.name, Quantity.seconds(stage.seconds), "\(min(max(share, 0), 100))%\(stage.cached ? " (cached)" : "")",
      ])
    }
    table.add(["in all", Quantity.seconds(whole), ""])
    return table.text(width: nil).split(separator: "\n").map { Line(text: String($0)) }
  }

  /// Where it stopped, when it didn't.
  func stopped(at now: Double) -> [Line] {
    guard verbosity > .quiet, let stage = active.last else { return [] }
    return [Line(text: "\(stage.name): stopped after \(Quantity.seconds(now - stage.started))")]
  }
}

extension ProgressBoard.Stage {
  /// How much of it is done, from 0 to 1; nil where that isn't known.
  fileprivate var share: Double? {
    guard let total, total > 0 else { return nil }
    return min(Double(done) / Double(total), 1)
  }

  /// `12.3 MB of 30.1 MB`, `4 of 12`; empty before the first progress.
  fileprivate var amount: String {
    func text(_ count: UInt64) -> String { unit == .bytes ? Quantity.bytes(count) : String(count) }
    guard done > 0 || total != nil else { return "" }
    return total.map { "\(text(done)) of \(text($0))" } ?? text(done)
  }
}
