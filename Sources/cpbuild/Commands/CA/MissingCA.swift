import Names

/// A project, or the root, that has no CA any more which could issue.
struct MissingCA: Encodable {
  /// Left out for the root.
  let project: String?

  init(_ project: ProjectID?) { self.project = project?.text }

  var sentence: String {
    guard let project else {
      return "there is no root CA now: the next project makes a new one, which nobody who checks chains knows yet"
    }
    return "\(project) has no CA now: the next 'cpbuild user add \(project) USER' or 'cpbuild launch \(project)' makes "
      + "a new one, with which all begin anew"
  }
}
