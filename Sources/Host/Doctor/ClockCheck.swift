import Foundation
import Glibc

/// The clock, which every certificate and CRL is dated by.
struct ClockCheck: Check {
  let name = "clock"
  var now = Date()
  /// A moment that is certainly past: this program's own making.
  var past = ClockCheck.programDate()

  func examine() async -> Finding {
    let time = now.formatted(.iso8601)
    // A day's grace for a program that came from a file system or an archive of another time zone.
    guard now.addingTimeInterval(86400) >= past else {
      return .failure(
        "\(time), which is before this program was made (\(past.formatted(.iso8601)))",
        remedy: "set it: 'timedatectl set-ntp true', or 'date --set'")
    }
    return .ok(time)
  }

  private static func programDate() -> Date {
    var status = stat()
    guard stat("/proc/self/exe", &status) == 0 else { return .distantPast }
    return Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec))
  }
}
