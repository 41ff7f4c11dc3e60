import Foundation
import Glibc

/// Moments as people and programs both read them.
enum Moment {
  /// ISO 8601 in UTC, to the second.
  static func text(_ date: Date) -> String {
    // Foundation's formatter takes 20 times as long. It is for what is no time to C.
    var parts = tm()
    guard var seconds = time_t(exactly: date.timeIntervalSince1970.rounded(.down)), gmtime_r(&seconds, &parts) != nil
    else { return date.formatted(.iso8601) }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 40) { buffer in
      guard let start = buffer.baseAddress, strftime(start, buffer.count, "%04Y-%m-%dT%H:%M:%SZ", &parts) > 0 else {
        return date.formatted(.iso8601)
      }
      return String(cString: start)
    }
  }
}
