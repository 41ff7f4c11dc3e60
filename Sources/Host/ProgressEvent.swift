/// What long work, such as a build or a launch, says about itself while it runs, for whoever shows it.
///
/// Events of one stage come in order: started, any number of progress and message events, finished. Stages may overlap,
/// so every event but the two last names its stage.
public enum ProgressEvent: Sendable, Equatable {
  /// What progress is counted in.
  public enum Unit: Sendable { case bytes, items }

  /// A stage began. `detail` is what it works on, such as a URL or a number of packages.
  case stageStarted(name: String, detail: String?)
  /// `done` of `total` is behind us; `total` is nil where the end isn't known, as in a download of unknown length.
  case stageProgress(name: String, done: UInt64, total: UInt64?, unit: Unit)
  /// One line of detail, such as what a program printed; shown to those who ask for it.
  case stageMessage(name: String, text: String)
  /// A stage ended well after `seconds`; `cached` when an earlier build's result was taken instead.
  case stageFinished(name: String, seconds: Double, cached: Bool)
  /// Something that the operator should know and that stops nothing.
  case warning(String)
  /// Nothing moves until `for`, such as another build of the same recipe, is over.
  case waiting(for: String)
}
