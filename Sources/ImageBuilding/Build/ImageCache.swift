import Host
public import SystemPackage

/// All that builds keep for later ones: bases, packages, stages, finished images.
public struct ImageCache: Sendable {
  private let root: FilePath

  public init(_ root: FilePath) { self.root = root }

  /// Removes what was used longest ago until what is left fits into `budget` bytes: finished images and stages first,
  /// since they are made anew from bases and packages without the network.
  ///
  /// - Returns: how many bytes that gave back.
  /// - Throws: ``HostError``.
  @discardableResult
  public func prune(budget: UInt64) throws -> UInt64 {
    let finished = ImageRegistry(out: root)
    let stages = StageCache(cache: root)
    let store = BaseStore(cache: root, epoch: SourceDateEpoch.standard)
    // Half for what can be made again without the network, a quarter each for what can't.
    var freed = try finished.prune(budget: budget / 4)
    freed += try stages.prune(budget: budget / 4)
    freed += try store.prune(budget: budget / 4)
    freed += try PackageCache(folder: root.appending("debs")).prune(budget: budget / 4)
    return freed
  }
}
