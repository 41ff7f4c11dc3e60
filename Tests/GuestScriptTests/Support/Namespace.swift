import Foundation

/// A machine of its own: network, mount and process namespaces that end, with everything in them, when `end` is called
/// or this process dies.
final class Namespace: Sendable {
  let scratch: Scratch
  private let holder: Child
  /// The first process in the namespaces, by its number outside.
  let pid: String
  /// Whether the namespaces have a root folder of their own.
  private let hasRoot: Bool
  /// A file that only the root folder of this guest has: no command may ever reach this machine's own files.
  private let marker: String

  /// A machine that shares this one's files.
  static func plain() throws -> Namespace {
    try Namespace(["sh", "-c", "ip link set lo up; : >\"$1/ready\"; sleep 1800 & wait", "sh"], hasRoot: false)
  }

  /// A cloudpipe, laid out as in an image, with nothing started.
  static func guest() throws -> Namespace {
    try Namespace(["sh", "\(Repository.fixture)/guest.sh", Repository.root], hasRoot: true)
  }

  private init(_ command: [String], hasRoot: Bool) throws {
    self.hasRoot = hasRoot
    scratch = try Scratch()
    marker = "/ready-\(scratch.name)"
    let log = scratch.path("log")
    holder = try Child(
      ["unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--mount-proc", "--kill-child"] + command
        + [scratch.folder],
      output: log)

    let children = "/proc/\(holder.pid)/task/\(holder.pid)/children"
    var child = ""
    var isReady = false
    for _ in 0..<200 {
      child = ((try? String(contentsOfFile: children, encoding: .utf8)) ?? "").trimmingCharacters(in: .whitespaces)
      let ready = hasRoot ? "/proc/\(child)/root\(marker)" : scratch.path("ready")
      isReady = !child.isEmpty && FileManager.default.fileExists(atPath: ready)
      if isReady { break }
      Thread.sleep(forTimeInterval: 0.05)
    }
    pid = child
    guard isReady else {
      _ = holder.kill()
      let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      scratch.remove()
      throw CommandFailed(command: command, outcome: Outcome(status: 1, output: said))
    }
  }

  func end() {
    // The child dies with its holder, and with the child, which is PID 1 in there, everything else.
    _ = holder.kill()
    scratch.remove()
  }

  /// Where a file of this machine is seen from outside.
  func outside(_ path: String) -> String { hasRoot ? "/proc/\(pid)/root\(path)" : path }

  private var enter: [String] {
    ["nsenter", "--target=\(pid)", "--mount", "--net", "--uts", "--ipc", "--pid"]
      + (hasRoot ? ["--root", "--wd"] : []) + ["env", "-i", "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"]
      + ["sh", "-c"]
  }

  private func guarded(_ script: String) -> String {
    hasRoot ? "[ -e \(marker) ] || { echo not in the guest; exit 99; }\n\(script)" : script
  }

  /// Runs a shell command in here.
  func run(_ script: String, seconds: Int = 60) throws -> Outcome {
    try Shell.run(enter + [guarded(script)], seconds: seconds)
  }

  /// Runs a shell command in here that has to succeed.
  @discardableResult
  func check(_ script: String, seconds: Int = 60) throws -> String {
    try Shell.check(enter + [guarded(script)], seconds: seconds)
  }

  /// Starts a program that goes on until the namespace ends, with its output in `log`.
  func start(_ script: String, log: String) throws {
    try check("(\(script)) </dev/null >\(log) 2>&1 &")
  }

  func read(_ path: String) -> String {
    (try? String(contentsOfFile: outside(path), encoding: .utf8)) ?? ""
  }

  func write(_ content: String, to path: String) throws {
    try FileManager.default.createDirectory(
      atPath: (outside(path) as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(content.utf8).write(to: URL(filePath: outside(path)))
  }

  func copy(_ file: String, to path: String) throws {
    try FileManager.default.createDirectory(
      atPath: (outside(path) as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(contentsOf: URL(filePath: file)).write(to: URL(filePath: outside(path)))
  }

  /// Waits until a shell command succeeds.
  func wait(for script: String, seconds: Double = 60) throws -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    while Date() < deadline {
      if try run(script).succeeded { return true }
      Thread.sleep(forTimeInterval: 0.1)
    }
    return false
  }
}

/// Runs `body` with a cloudpipe that is gone afterwards, whatever happens.
func withGuest(_ body: (Namespace) throws -> Void) throws {
  let guest = try Namespace.guest()
  defer { guest.end() }
  try body(guest)
}
