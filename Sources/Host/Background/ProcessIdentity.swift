public import Foundation
import Glibc

/// Which process: its id, and when it started, so that another process which got the same id later isn't taken for it.
public struct ProcessIdentity: Hashable, Codable, Sendable {
  public let pid: pid_t
  /// Clock ticks from the kernel's boot to the process's start: field 22 of `/proc/PID/stat` (proc(5)). It stays when the
  /// process becomes another program by exec.
  public let started: UInt64
  /// The kernel's `boot_id`: ids and ticks begin anew with it.
  public let boot: String

  /// The live process of that id; nil where there is none. One that ended and wasn't waited for yet isn't alive.
  public init?(pid: pid_t) {
    guard let status = Self.status(of: pid), status.alive else { return nil }
    self.pid = pid
    started = status.started
    boot = Self.currentBoot
  }

  public var isAlive: Bool {
    guard boot == Self.currentBoot, let status = Self.status(of: pid) else { return false }
    return status.alive && status.started == started
  }

  /// When it started, by today's clock.
  public var startDate: Date {
    var now = timespec()
    clock_gettime(CLOCK_BOOTTIME, &now)
    let uptime = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    return Date(timeIntervalSinceNow: Double(started) / Double(Self.clockTicks) - uptime)
  }

  /// Sends a signal, unless the process ended.
  public func send(_ signal: CInt) {
    if isAlive { kill(pid, signal) }
  }

  private static let clockTicks = max(1, sysconf(CInt(_SC_CLK_TCK)))

  private static let currentBoot: String =
    ((try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? "")
    .trimmingCharacters(in: .whitespacesAndNewlines)

  private static func status(of pid: pid_t) -> (alive: Bool, started: UInt64)? {
    guard pid > 0, let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      // The second field is the program's name in parentheses, which may hold blanks and parentheses itself.
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, let started = UInt64(fields[19]) else { return nil }
    return (!["Z", "X", "x"].contains(fields[0]), started)
  }
}
