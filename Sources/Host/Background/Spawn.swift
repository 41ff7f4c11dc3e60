import CLinux
import Glibc
import SystemPackage

/// Starts a process in a session of its own, with nothing inherited but what it is given here.
struct Spawn {
  let words: [String]
  let environment: [String: String]
  let log: FilePath
  /// Open files of this process, which are the other's from 3 on.
  var descriptors: [CInt] = []

  /// - Returns: the process's id.
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  func run() throws(HostError) -> pid_t {
    var pid: pid_t = 0
    let program = words.first ?? ""
    let code = Self.withStrings(words) { arguments in
      Self.withStrings(environment.map { "\($0.key)=\($0.value)" }) { variables in
        cpbuild_spawn_detached(program, arguments, variables, log.string, descriptors, CInt(descriptors.count), &pid)
      }
    }
    guard code == 0 else { throw .file(doing: "start", path: FilePath(program), errno: code) }
    return pid
  }

  private static func withStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    let pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    return body(pointers)
  }
}
