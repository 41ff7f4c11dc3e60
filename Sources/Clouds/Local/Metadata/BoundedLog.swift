import Foundation
import Glibc
import Synchronization

/// Lines with a time on stderr, which is a file that begins anew when it grows too long.
final class BoundedLog: Sendable {
  private static let limit = 256 << 10
  private let written = Mutex(0)

  func write(_ line: String) {
    let text = "\(Date.now.formatted(.iso8601)) \(line)\n"
    written.withLock { written in
      written += text.utf8.count
      if written > Self.limit {
        // Appending goes on at the file's end, wherever that is.
        ftruncate(STDERR_FILENO, 0)
        written = text.utf8.count
      }
      try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
  }
}
