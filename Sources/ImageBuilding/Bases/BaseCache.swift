import Foundation
import Glibc
import Host
import SystemPackage

/// Where bases are kept.
///
/// ```
/// bases/       sha256-<hex>, sha512-<hex>: whole files by the digest of their bytes; bootstrap-<hex>: by their key
/// downloads/   <digest of the URL>.partial with what is here so far, and .json with what it belongs to
/// sums/        the publishers' lists of checksums that held last
/// digests/     of local files, by device, inode, size and times
/// work/        of bootstraps that are going on
/// ```
struct BaseCache: Sendable {
  let root: FilePath

  var bases: FilePath { root.appending("bases") }
  var downloads: FilePath { root.appending("downloads") }
  var sums: FilePath { root.appending("sums") }
  var digests: FilePath { root.appending("digests") }

  /// Where a file with this digest is, or will be.
  func path(of digest: Digest) -> FilePath {
    bases.appending("sha\(digest.bytes.count * 8)-\(digest.hex)")
  }

  /// Where the base that is bootstrapped from these inputs is, or will be.
  func path(ofBootstrap key: Digest) -> FilePath { bases.appending("bootstrap-\(key.hex)") }

  /// It is there. What pruning goes by is the time of this.
  func has(_ path: FilePath) -> Bool {
    guard access(path.string, R_OK) == 0 else { return false }
    utimensat(AT_FDCWD, path.string, nil, 0)
    return true
  }

  /// A name beside `path`, for what isn't whole yet.
  func aside(_ path: FilePath) -> FilePath {
    bases.appending(".\(path.lastComponent?.string ?? "base").tmp")
  }

  /// Runs `body` while nobody else makes `path`.
  func locked<Result>(
    _ path: FilePath, waiting: () -> Void, _ body: () async throws -> Result
  ) async throws -> Result {
    let locks = root.appending("locks")
    for folder in [root, bases, locks] { try Folder.make(folder, mode: 0o700) }
    let name = Digest.sha256(path.string).hex.prefix(32)
    let lock = try await FileLock.wait(for: locks.appending("base-\(name)"), waiting: waiting)
    defer { withExtendedLifetime(lock) {} }
    // What a killed run left: nobody else may be at it now.
    try Folder.remove(aside(path))
    return try await body()
  }

  /// Gives a whole file its name; nobody writes to it from then on.
  func publish(_ file: FilePath, as path: FilePath) throws {
    try AtomicFile.flush(file)
    guard chmod(file.string, 0o444) == 0 else {
      throw HostError.file(doing: "change the mode of", path: file, errno: errno)
    }
    try AtomicFile.publish(file, as: path)
  }

  /// Removes what was used longest ago until what is left of bases and downloads takes at most `budget` bytes.
  ///
  /// - Parameter sparing: seconds since 1970; what was used since stays.
  func prune(budget: UInt64, sparing: Int) throws {
    var files: [(path: FilePath, used: Int, size: UInt64)] = []
    for folder in [bases, downloads] {
      // A lock that is taken away while it is held would be given out twice.
      for name in try Folder.names(in: folder) where !name.hasSuffix(".lock") {
        var status = stat()
        let path = folder.appending(name)
        guard lstat(path.string, &status) == 0 else { continue }
        files.append((path, status.st_mtim.tv_sec, UInt64(status.st_blocks) * 512))
      }
    }
    var total = files.reduce(0) { $0 + $1.size }
    for file in files.sorted(by: { $0.used < $1.used }) where total > budget && file.used < sparing {
      // A hidden file is one that somebody is making, unless it has lain there for a day.
      let isBusy = file.path.lastComponent?.string.hasPrefix(".") == true && file.used > time(nil) - 86_400
      // Somebody may have begun to use it.
      var status = stat()
      if isBusy || lstat(file.path.string, &status) != 0 || status.st_mtim.tv_sec >= sparing { continue }
      try Folder.remove(file.path)
      total -= file.size
    }
  }
}
