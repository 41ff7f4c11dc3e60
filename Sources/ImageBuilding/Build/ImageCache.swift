import Foundation
import Glibc
import Host
public import SystemPackage

/// All that builds keep for later ones: bases, packages, stages, finished images.
public struct ImageCache: Sendable {
  private let root: FilePath

  public init(_ root: FilePath) { self.root = root }

  /// The most that it takes after a build, in bytes.
  public static let standardBudget: UInt64 = 32 << 30

  /// Removes what was used longest ago until what is left fits into `budget` bytes: finished images and stages first,
  /// since they are made anew from bases and packages without the network; also what killed builds left. What was
  /// used since a build that is under way began stays.
  ///
  /// - Parameter kept: also what failed builds left for a look, and package indexes however fresh they are.
  /// - Returns: how many bytes that gave back.
  /// - Throws: ``HostError``.
  @discardableResult
  public func prune(budget: UInt64, kept: Bool) throws -> UInt64 {
    let (before, now) = (size(), time(nil))
    let busySince = try WorkFolder.sweep(root.appending("work"))
    // A build that begins now uses things from now on.
    let sparing = busySince.map { min($0, now) } ?? now
    // Half for what can be made again without the network, a quarter each for what can't.
    try ImageRegistry(out: root).prune(budget: budget / 4, sparing: sparing)
    try StageCache(cache: root).prune(budget: budget / 4, sparing: sparing)
    try BaseStore(cache: root, epoch: SourceDateEpoch.standard).prune(budget: budget / 4, sparing: sparing)
    try PackageSupply(folder: root).prune(
      budget: budget / 4, sparing: sparing, indexAge: kept && busySince == nil ? -60 : 30 * 86_400)
    try BaseInspection.prune(root, usedBefore: min(sparing, now - 30 * 86_400))
    if kept { try Folder.remove(root.appending("kept")) }
    let after = size()
    return before > after ? before - after : 0
  }

  /// Bytes on the disk.
  private func size() -> UInt64 {
    guard let files = FileManager.default.enumerator(atPath: root.string) else { return 0 }
    return files.reduce(0) { sum, name in
      var status = stat()
      guard let name = name as? String, lstat(root.appending(name).string, &status) == 0 else { return sum }
      return sum + UInt64(status.st_blocks) * 512
    }
  }
}
