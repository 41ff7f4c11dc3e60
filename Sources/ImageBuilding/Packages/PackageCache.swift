import Glibc
import Host
public import SystemPackage

/// The .debs that builds have used, each under the name of its digest: `<folder>/sha256-<hex>.deb`.
///
/// A file gets that name when it is whole, checked and on the disk, and is checked again whenever it is used; its
/// modification time is when that was last. Any number of processes may use one cache.
public struct PackageCache: Sendable {
  public let folder: FilePath

  /// - Parameter folder: made when the first package comes in.
  public init(folder: FilePath) { self.folder = folder }

  /// Where a package is when it is in the cache.
  public func path(of package: ResolvedPackage) -> FilePath {
    folder.appending("sha256-\(package.digest.hex).deb")
  }

  /// Those of `packages` that would have to be downloaded, by their names and sizes alone.
  public func missing(_ packages: [ResolvedPackage]) -> [ResolvedPackage] {
    packages.filter { package in
      var status = stat()
      return stat(path(of: package).string, &status) != 0 || UInt64(status.st_size) != package.size
    }
  }

  /// Those of `packages` that would have to be downloaded, by their digests. A file that isn't what its name says is
  /// removed.
  ///
  /// - Throws: `HostError`.
  func check(_ packages: [ResolvedPackage], events: @Sendable (PackageEvent) -> Void) throws -> [ResolvedPackage] {
    try packages.filter { package in
      let path = path(of: package)
      guard access(path.string, F_OK) == 0 else { return true }
      if try matches(path, package) { return false }
      try Folder.remove(path)
      events(.discarded(fileName: package.fileName))
      return true
    }
  }

  /// Takes in a file that was downloaded next to the cache, if it is the right one.
  ///
  /// - Throws: ``PackageError/digestMismatch(explanation:)``, `HostError`.
  func adopt(_ file: FilePath, as package: ResolvedPackage) throws {
    guard try matches(file, package) else {
      throw PackageError.digestMismatch(explanation: "\(package.fileName) doesn't have the digest \(package.digest)")
    }
    try AtomicFile.flush(file)
    chown(file.string, geteuid(), getegid())
    chmod(file.string, 0o444)
    try AtomicFile.publish(file, as: path(of: package))
  }

  /// Lays `packages` into a folder under apt's names for them, ready for dpkg: checked, and their contents
  /// uncompressed, which spares a slow machine the work.
  ///
  /// - Returns: those that aren't in the cache any more.
  /// - Throws: ``PackageError/badPackage(path:reason:)``, `HostError`, `CancellationError`.
  func lay(_ packages: [ResolvedPackage], into target: FilePath) async throws -> [ResolvedPackage] {
    try await BlockingWork.each(packages) { package in
      let path = path(of: package)
      guard access(path.string, F_OK) == 0, try matches(path, package) else { return package }
      utimensat(AT_FDCWD, path.string, nil, 0)
      try DebArchive(path).writeUncompressed(to: target.appending(package.fileName))
      return nil
    }.compactMap(\.self)
  }

  /// Removes what was used longest ago until what is left fits into `budget` bytes.
  ///
  /// - Parameter sparing: seconds since 1970; what was used since stays.
  /// - Throws: `HostError`.
  func prune(budget: UInt64, sparing: Int = .max) throws {
    var entries: [(used: Int, size: UInt64, path: FilePath)] = []
    for name in try Folder.names(in: folder) where name.hasSuffix(".deb") {
      var status = stat()
      let path = folder.appending(name)
      guard lstat(path.string, &status) == 0 else { continue }
      entries.append((status.st_mtim.tv_sec, UInt64(status.st_size), path))
    }
    var total = entries.reduce(0) { $0 + $1.size }
    for entry in entries.sorted(by: { ($0.used, $0.path.string) < ($1.used, $1.path.string) }) {
      guard total > budget, entry.used < sparing else { break }
      try Folder.remove(entry.path)
      total -= entry.size
    }
  }

  private func matches(_ file: FilePath, _ package: ResolvedPackage) throws -> Bool {
    try Digest.ofFile(file) == package.digest
  }
}
