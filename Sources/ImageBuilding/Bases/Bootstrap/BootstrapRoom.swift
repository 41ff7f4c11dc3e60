import Foundation
import Glibc
import Host
import SystemPackage

/// Where a bootstrap works, and as whom.
///
/// Root works in the cache. Anyone else works in a user namespace, whose users are others than they seem and can't enter
/// private folders (mmdebstrap(1), TMPDIR): that is in `/var/tmp`.
struct BootstrapRoom {
  /// Where mmdebstrap makes the new root; anything else may be beside it.
  var root: FilePath { path.appending("root") }
  let path: FilePath
  let isRoot: Bool
  private let holder: Holder

  private enum Holder {
    case work(WorkFolder)
    case shared(folder: FilePath, lock: FileLock)
  }

  /// Makes a fresh one, after sweeping what killed runs left.
  ///
  /// - Throws: ``BaseError/cannotUnshare(reason:remedy:)``, `HostError`, `CancellationError`.
  static func make(cache: FilePath) async throws -> BootstrapRoom {
    if geteuid() == 0 {
      let work = try WorkFolder(below: cache.appending("work"))
      return BootstrapRoom(path: work.path, isRoot: true, holder: .work(work))
    }
    try checkNamespaces()
    let parent = FilePath("/var/tmp/cpbuild-\(geteuid())")
    try Folder.make(parent, mode: 0o711)
    var status = stat()
    guard lstat(parent.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
      throw BaseError.cannotUnshare(reason: "\(parent) belongs to somebody else", remedy: "remove it")
    }
    await sweep(parent)
    let folder = parent.appending("\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))")
    try Folder.make(folder, mode: 0o711)
    let lock = try FileLock.take(folder.appending("lock"))
    let shared = folder.appending("shared")
    try Folder.make(shared, mode: 0o1777)
    return BootstrapRoom(path: shared, isRoot: false, holder: .shared(folder: folder, lock: lock))
  }

  /// A namespace that outlived its killed maker for a moment may still write there: what can't be removed now is left to
  /// the next run.
  private static func sweep(_ parent: FilePath) async {
    for name in (try? Folder.names(in: parent)) ?? [] {
      let folder = parent.appending(name)
      guard (try? FileLock.take(folder.appending("lock"))) != nil else { continue }
      try? await remove(folder)
    }
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
    switch holder {
    case .work(let work): try work.remove()
    case .shared(let folder, _): try await Self.remove(folder)
    }
  }

  private static func remove(_ folder: FilePath) async throws {
    let root = folder.appending("shared").appending("root")
    if access(root.string, F_OK) == 0 {
      // What is in there belongs to users of the namespace. Cleaning up is due after a cancellation too, so the task is
      // another one.
      _ = try await Task {
        try await Command(
          "mmdebstrap", ["--unshare-helper", try Program.find("find").string, root.string, "-delete"]
        ).run()
      }.value
    }
    try Folder.remove(folder)
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
