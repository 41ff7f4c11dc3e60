import Foundation
import Glibc

/// Whoever read stdout went away, as `head` does.
struct BrokenPipe: Error {
  /// Makes a write to such a pipe an error rather than the end of the process.
  ///
  /// A handler rather than SIG_IGN, because programs that cpbuild starts would inherit the latter.
  static func becomeAnError() { signal(SIGPIPE) { _ in } }
}

/// Where data goes: what a command is asked for, and nothing else.
enum StandardOutput {
  /// Writes all of `text`.
  ///
  /// - Throws: ``BrokenPipe``; ``StreamError`` for what else may go wrong, such as a full disk.
  static func write(_ text: String) throws { try check(writeAll(text, to: STDOUT_FILENO)) }

  /// Writes all of `data`.
  ///
  /// - Throws: as ``write(_:)-(String)``.
  static func write(_ data: Data) throws {
    try check(data.withUnsafeBytes { writeAll($0.bindMemory(to: UInt8.self), to: STDOUT_FILENO) })
  }

  private static func check(_ code: CInt) throws {
    if code == EPIPE { throw BrokenPipe() }
    if code != 0 { throw StreamError(errno: code) }
  }
}

/// Where talk goes: progress, warnings, errors.
enum StandardError {
  /// Writes all of `text`, or as much as can be: there is nowhere left to complain.
  static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }
}

/// What was asked for couldn't be written to stdout.
struct StreamError: Error, CustomStringConvertible {
  let errno: CInt
  var description: String { "can't write to stdout: \(String(cString: strerror(errno)))" }
}

/// - Returns: 0, or the errno of the write that failed.
func writeAll(_ text: String, to descriptor: CInt) -> CInt {
  // Not copied where it is contiguous already: a document may have megabytes.
  var text = text
  return text.withUTF8 { writeAll($0, to: descriptor) }
}

private func writeAll(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: CInt) -> CInt {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = Glibc.write(descriptor, UnsafeBufferPointer(rebasing: rest).baseAddress, rest.count)
    if count >= 0 {
      rest = rest.dropFirst(count)
    } else if errno == EAGAIN {
      // A terminal or pipe that another program made non-blocking: wait until it takes more.
      var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&poller, 1, 1000)
    } else if errno != EINTR {
      return errno
    }
  }
  return 0
}
