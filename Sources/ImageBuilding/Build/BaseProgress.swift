import Host

/// What the preparation of a base and the supply of packages say, in a build's own words.
enum BaseProgress {
  static func tell(_ event: BaseEvent, _ runner: StageRunner) {
    switch event {
    case .waiting(let origin):
      runner.tell(.waiting(for: "another build of the base \(origin)"))
    case .downloading(_, let bytes, let total, _):
      runner.tell(.stageProgress(name: "base", done: bytes, total: total, unit: .bytes))
    case .copying(_, let bytes, let total):
      runner.tell(.stageProgress(name: "base", done: bytes, total: total, unit: .bytes))
    case .retrying(let url, let reason, let seconds):
      runner.tell(.warning("\(url): \(reason); trying again in \(Int(seconds.rounded(.up))) s"))
    case .checking(let origin):
      runner.tell(.stageMessage(name: "base", text: "checking \(origin)"))
    case .packages(let event):
      tell(event, stage: "base", runner)
    case .bootstrapping(let step, let done, let total):
      runner.tell(.stageMessage(name: "base", text: step))
      runner.tell(.stageProgress(name: "base", done: UInt64(done), total: UInt64(total), unit: .items))
    case .note(let text):
      runner.tell(.warning(text))
    }
  }

  static func tell(_ event: PackageEvent, stage: String, _ runner: StageRunner) {
    switch event {
    case .waiting:
      runner.tell(.waiting(for: "another download of packages"))
    case .refreshing:
      runner.tell(.stageMessage(name: stage, text: "fetching the package index"))
    case .resolving:
      runner.tell(.stageMessage(name: stage, text: "finding out which packages are needed"))
    case .downloading(let percent, let bytes):
      let done = UInt64(Double(bytes) * min(max(percent, 0), 100) / 100)
      runner.tell(.stageProgress(name: stage, done: done, total: bytes, unit: .bytes))
    case .discarded(let fileName):
      runner.tell(.warning("\(fileName) in the cache wasn't what it should be and was thrown away"))
    }
  }
}
