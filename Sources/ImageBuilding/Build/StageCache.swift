import Foundation
import Glibc
public import Host
public import SystemPackage

/// The results of stages, by their keys: a file each, which gets its name when it is whole.
public struct StageCache: Sendable {
  public let folder: FilePath

  /// - Parameter cache: the cache's root; results go to `stages/` in it.
  public init(cache: FilePath) { folder = cache.appending("stages") }

  /// The disk after a stage; nil where it has to be built.
  public func disk(_ stage: String, _ key: Digest) -> FilePath? {
    let path = path(stage, key)
    guard access(path.string, R_OK) == 0 else { return nil }
    // The last use is what pruning goes by.
    utimensat(AT_FDCWD, path.string, nil, 0)
    return path
  }

  /// Keeps a copy of `disk`, shared where the filesystem can.
  func keep(_ disk: FilePath, as stage: String, _ key: Digest) async throws {
    try Folder.make(folder, mode: 0o700)
    let path = path(stage, key)
    let aside = folder.appending(".\(stage)-\(key.hex).\(getpid()).tmp")
    do {
      try await Command("cp", ["--reflink=auto", "--sparse=auto", disk.string, aside.string]).run()
      try AtomicFile.publish(aside, as: path)
    } catch {
      try? Folder.remove(aside)
      throw error
    }
  }

  private func path(_ stage: String, _ key: Digest) -> FilePath { folder.appending("\(stage)-\(key.hex).qcow2") }

  /// Removes what was used longest ago until what is left fits into `budget` bytes, and what killed builds left.
  ///
  /// - Parameter sparing: seconds since 1970; what was used since stays.
  /// - Throws: ``HostError``.
  func prune(budget: UInt64, sparing: Int) throws {
    var files = try files()
    for file in files where file.isLeftover { try Folder.remove(file.path) }
    files.removeAll(where: \.isLeftover)
    var total = files.reduce(0) { $0 + $1.size }
    for file in files.sorted(by: { $0.used < $1.used }) where total > budget && file.used < Double(sparing) {
      try Folder.remove(file.path)
      total -= file.size
    }
  }

  private struct File {
    let path: FilePath
    let size: UInt64
    let used: Double
    let isLeftover: Bool
  }

  private func files() throws -> [File] {
    try Folder.names(in: folder).compactMap { name in
      let path = folder.appending(name)
      var status = stat()
      guard lstat(path.string, &status) == 0 else { return nil }
      let maker = name.hasSuffix(".tmp") ? name.split(separator: ".").dropLast().last.flatMap { pid_t($0) } : nil
      let isAlive = maker.map { kill($0, 0) == 0 || errno == EPERM } ?? false
      return File(
        path: path, size: UInt64(status.st_blocks) * 512,
        used: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9,
        isLeftover: name.hasSuffix(".tmp") && !isAlive)
    }
  }
}
