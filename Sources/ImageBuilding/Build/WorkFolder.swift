import Foundation
import Glibc
import Host
import SystemPackage

/// A folder for one build's work in progress. A lock inside says that somebody is at it; what a killed build left is
/// swept by the next.
struct WorkFolder {
  let path: FilePath
  private let lock: FileLock

  /// Makes a fresh one below `parent`, after sweeping what nobody works in any more.
  ///
  /// - Throws: ``HostError``.
  init(below parent: FilePath) throws {
    try Folder.make(parent, mode: 0o700)
    try Self.sweep(parent)
    path = parent.appending("\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))")
    try Folder.make(path, mode: 0o700)
    lock = try FileLock.take(path.appending("lock"))
  }

  /// Removes what killed builds left.
  ///
  /// - Returns: since when somebody is at work in one of the others, in seconds since 1970; nil where nobody is.
  @discardableResult
  static func sweep(_ parent: FilePath) throws -> Int? {
    var busySince: Int?
    func note(_ folder: FilePath) {
      var status = stat()
      guard lstat(folder.appending("lock").string, &status) == 0 else { return busySince = busySince ?? time(nil) }
      busySince = min(busySince ?? .max, status.st_mtim.tv_sec)
    }
    for name in try Folder.names(in: parent) {
      let folder = parent.appending(name)
      // A folder without a lock is one that is being made right now, unless its maker is gone.
      if access(folder.appending("lock").string, F_OK) != 0 {
        guard let maker = name.split(separator: "-").first.flatMap({ pid_t($0) }), kill(maker, 0) != 0, errno == ESRCH
        else {
          note(folder)
          continue
        }
      } else if (try? FileLock.take(folder.appending("lock"))) == nil {
        note(folder)
        continue
      }
      try Folder.remove(folder)
    }
    return busySince
  }

  func remove() throws { try Folder.remove(path) }
}
