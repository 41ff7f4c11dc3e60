import CLinux
import Foundation
import Glibc
public import SystemPackage

/// A network namespace that has a name, as ip-netns(8) makes them.
public struct NetworkNamespace: Hashable, Sendable {
  /// The file that keeps it.
  public let path: FilePath

  public init(path: FilePath) { self.path = path }

  /// The namespace's own number, as `readlink /proc/PID/ns/net` shows it; nil where the file keeps none: it isn't there,
  /// or it is the empty file that is left when the machine restarts.
  public var inode: UInt64? {
    var (status, own) = (stat(), stat())
    // All namespaces are on one file system of the kernel's.
    guard stat(path.string, &status) == 0, stat("/proc/self/ns/net", &own) == 0, status.st_dev == own.st_dev else {
      return nil
    }
    return UInt64(status.st_ino)
  }

  /// Runs `body` on a thread of its own that is in the namespace: what it reads and writes below `/proc/sys/net` and
  /// `/proc/thread-self/net` is the namespace's.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)`` when the namespace can't be entered, and what `body` throws.
  public func perform<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let thread = Thread {
        continuation.resume(
          with: Result {
            let code = cpbuild_enter_network(path.string)
            guard code == 0 else { throw HostError.file(doing: "enter the namespace", path: path, errno: code) }
            return try body()
          })
      }
      thread.name = "in namespace"
      thread.start()
    }
  }
}

/// A kernel setting below `/proc/sys`; those of the network are the calling thread's namespace's.
public enum KernelSetting {
  /// - Parameter name: a path below `/proc/sys`, such as `net/ipv4/conf/eth0/forwarding`.
  /// - Returns: nil where the kernel has no such setting.
  public static func value(of name: String) -> String? {
    (try? String(contentsOfFile: "/proc/sys/\(name)", encoding: .utf8))?
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func set(_ name: String, to value: String) throws {
    let path = FilePath("/proc/sys/\(name)")
    let descriptor = try checked("change the kernel's setting", path) { open(path.string, O_WRONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    let bytes = Array(value.utf8)
    try checked("change the kernel's setting", path) { CInt(write(descriptor, bytes, bytes.count)) }
  }
}
