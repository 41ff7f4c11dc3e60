import Foundation
import Glibc

/// What is known of the terminal at a descriptor.
enum Terminal {
  /// Columns of the terminal at `descriptor`, asked anew each time since windows change; nil where there is none.
  static func width(of descriptor: CInt) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    // A terminal that doesn't know its size, as one on a serial line, has 80 columns by custom.
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Whether lines can be drawn over at `descriptor`: a terminal that isn't a dumb one.
  static func isLive(_ descriptor: CInt, environment: [String: String] = ProcessInfo.processInfo.environment) -> Bool {
    isatty(descriptor) == 1 && !["", "dumb", "unknown"].contains(environment["TERM"] ?? "")
  }

  /// Whether to colour: <https://no-color.org>, set and not empty, says no.
  static func hasColor(environment: [String: String] = ProcessInfo.processInfo.environment) -> Bool {
    (environment["NO_COLOR"] ?? "").isEmpty
  }
}
