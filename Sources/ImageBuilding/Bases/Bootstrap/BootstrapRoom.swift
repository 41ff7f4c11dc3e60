import Foundation
import Glibc
import Host
import SystemPackage

/// Where a bootstrap works, and as whom.
///
/// Root works in the cache. Anyone else works in a user namespace, whose users are others than they seem and can't enter
/// private folders (mmdebstrap(1), TMPDIR): that is in `/var/tmp`.
struct BootstrapRoom {
  let path: FilePath
  let isRoot: Bool
  private let work: WorkFolder

  /// Makes a fresh one, after sweeping what killed runs left.
  ///
  /// - Throws: ``BaseError/cannotUnshare(reason:remedy:)``, `HostError`, `CancellationError`.
  static func make(cache: FilePath) async throws -> BootstrapRoom {
    guard geteuid() != 0 else {
      let work = try WorkFolder(below: cache.appending("work"))
      return BootstrapRoom(path: work.path, isRoot: true, work: work)
    }
    try checkNamespaces()
    let parent = FilePath("/var/tmp/cpbuild-\(geteuid())")
    try Folder.make(parent, mode: 0o711)
    var status = stat()
    guard lstat(parent.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
      throw BaseError.cannotUnshare(reason: "\(parent) belongs to somebody else", remedy: "remove it")
    }
    for name in try Folder.names(in: parent) {
      let left = parent.appending(name)
      guard (try? FileLock.take(left.appending("lock"))) != nil else { continue }
      try await empty(left.appending("shared"))
    }
    let work = try WorkFolder(below: parent)
    let shared = work.path.appending("shared")
    guard chmod(work.path.string, 0o711) == 0 else {
      throw HostError.file(doing: "change the mode of", path: work.path, errno: errno)
    }
    try Folder.make(shared, mode: 0o1777)
    return BootstrapRoom(path: shared, isRoot: false, work: work)
  }

  /// A program that sees files' owners as the new system will.
  func inside(_ program: String, _ arguments: [String], environment: [String: String?] = [:]) throws -> Command {
    let path = try Program.find(program).string
    var command =
      isRoot
      ? Command(path, arguments, environment: environment)
      : Command("mmdebstrap", ["--unshare-helper", path] + arguments, environment: environment)
    command.ownsDescendants = true
    return command
  }

  func remove() async throws {
    if !isRoot { try await Self.empty(path) }
    try work.remove()
  }

  /// Removes what belongs to the users of the namespace.
  private static func empty(_ folder: FilePath) async throws {
    guard access(folder.string, F_OK) == 0 else { return }
    // Cleaning up is due after a cancellation too.
    _ = try await Task {
      try await Command(
        "mmdebstrap",
        ["--unshare-helper", try Program.find("find").string, folder.string, "-mindepth", "1", "-delete"]
      ).run()
    }.value
  }

  private static func checkNamespaces() throws {
    for program in ["newuidmap", "newgidmap"] where (try? Program.find(program)) == nil {
      throw BaseError.cannotUnshare(
        reason: "\(program) isn't on PATH", remedy: "install it with 'apt-get install uidmap'")
    }
    let name = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? String(geteuid())
    for file in ["/etc/subuid", "/etc/subgid"] {
      let lines = (try? String(contentsOfFile: file, encoding: .utf8))?.split(separator: "\n") ?? []
      let has = lines.contains { line in
        let fields = line.split(separator: ":")
        return fields.count == 3 && (fields[0] == name || fields[0] == String(geteuid()))
          && (Int(fields[2]) ?? 0) >= 65536
      }
      guard has else {
        throw BaseError.cannotUnshare(
          reason: "\(file) gives \(name) fewer than 65536 ids",
          remedy: "run 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \(name)'")
      }
    }
  }
}
