import Glibc
public import SystemPackage

/// What can go wrong with this machine's files and processes; every case names the thing that it is about.
public enum HostError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A system call on `path` failed with `errno`; `doing` is a verb phrase such as "write".
  case file(doing: String, path: FilePath, errno: CInt)
  /// `program` isn't on PATH; `package` is the Debian package that brings it, where it is known.
  case programMissing(program: String, package: String?)
  /// `command` ended with `status`; `output` is the end of what it said on stderr.
  case commandFailed(command: String, status: String, output: String)
  /// `command` wrote more than the `limit` in bytes that its caller allows.
  case outputTooLong(command: String, limit: Int)
  /// Another process holds the lock at `path`.
  case locked(path: FilePath)
  /// The environment variable or setting `name` holds `value`, which isn't one of those `allowed`.
  case setting(name: String, value: String, allowed: String)

  public var description: String {
    switch self {
    case .file(let doing, let path, let code):
      let reason = String(cString: strerror(code))
      let remedy = code == ENOSPC || code == EDQUOT ? "; free some space there and run the command again" : ""
      return "can't \(doing) \(path): \(reason)\(remedy)"
    case .programMissing(let program, let package):
      let remedy = package.map { "install it with 'apt-get install \($0)'" } ?? "install it or put it on PATH"
      return "the program \(program) isn't on PATH: \(remedy)"
    case .commandFailed(let command, let status, let output):
      let tail = output.isEmpty ? "it said nothing" : output
      return "\(command) \(status): \(tail)"
    case .outputTooLong(let command, let limit):
      return "\(command) wrote more than \(limit) bytes, which is more than it should ever need"
    case .locked(let path):
      return "another process holds \(path); wait for it to end"
    case .setting(let name, let value, let allowed):
      return "\(name) is '\(value)': set it to \(allowed), or not at all"
    }
  }
}

/// Runs a system call wrapper that returns -1 on failure, again when a signal interrupted it.
///
/// - Throws: ``HostError/file(doing:path:errno:)``.
@discardableResult
func checked(_ doing: String, _ path: FilePath, _ call: () -> CInt) throws(HostError) -> CInt {
  while true {
    let result = call()
    if result >= 0 { return result }
    if errno != EINTR { throw .file(doing: doing, path: path, errno: errno) }
  }
}
