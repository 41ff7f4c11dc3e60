public import SystemPackage

extension FuzzTarget {
  /// Every parser of outside bytes.
  ///
  /// - Parameter folder: an empty one, for the parsers that read from a file.
  public static func all(folder: FilePath) async throws -> [FuzzTarget] {
    try await CertificateTargets().all + KeyTargets().all + NameTargets().all + PayloadTargets().all
      + ImageTargets(folder: folder).all + LaunchingTargets().all
  }

  /// Divides inputs among targets by their weights, so that together there are at least as many.
  public static func shares(of inputs: Int, among targets: [FuzzTarget]) -> [(String, Int)] {
    let weights = targets.reduce(0) { $0 + $1.weight }
    return targets.map { ($0.name, (inputs * $0.weight + weights - 1) / max(1, weights)) }
  }
}
