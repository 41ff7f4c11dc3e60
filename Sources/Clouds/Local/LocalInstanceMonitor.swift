import CLinux
import Foundation
import Glibc
public import SystemPackage

/// A conversation with a QEMU in its machine protocol: docs/interop/qmp-spec.txt in QEMU's source. Who is on the other
/// side runs a guest that may have broken out, so that what it says is taken for nothing but a few words.
public final class LocalInstanceMonitor: Sendable {
  let socket: FilePath
  private let file: OpenFile
  private let reader: LineReader

  /// An event: `RESET`, `SHUTDOWN` and the like.
  public struct Event: Hashable, Sendable {
    public let name: String
    /// Whether the guest itself brought it about.
    public let byGuest: Bool
  }

  private init(socket: FilePath, file: OpenFile) {
    self.socket = socket
    self.file = file
    reader = LineReader(file: file, socket: socket)
  }

  /// Connects and leaves the mode in which QEMU takes nothing but the negotiation.
  ///
  /// - Throws: ``LocalInstanceError/monitor(socket:reason:)``; `CancellationError`.
  public static func connect(
    to socket: FilePath, deadline: ContinuousClock.Instant
  ) async throws -> LocalInstanceMonitor {
    let descriptor = cpbuild_connect(socket.string)
    guard descriptor >= 0 else {
      throw LocalInstanceError.monitor(socket: socket, reason: String(cString: strerror(-descriptor)))
    }
    let monitor = LocalInstanceMonitor(socket: socket, file: OpenFile(owning: descriptor))
    guard try await monitor.next(deadline)["QMP"] != nil else { throw monitor.failure("it doesn't greet") }
    try await monitor.execute("qmp_capabilities", deadline: deadline)
    return monitor
  }

  /// Executes a command, and gives what it returns where that is an object. Events that come before its answer are left
  /// out.
  ///
  /// - Throws: ``LocalInstanceError/monitor(socket:reason:)``; `CancellationError`.
  @discardableResult
  func execute(
    _ command: String, _ arguments: [String: any Sendable] = [:], with passed: OpenFile? = nil,
    deadline: ContinuousClock.Instant
  ) async throws -> [String: any Sendable] {
    var request: [String: Any] = ["execute": command]
    if !arguments.isEmpty { request["arguments"] = arguments }
    try send(try JSONSerialization.data(withJSONObject: request) + Data("\n".utf8), with: passed)
    while true {
      let answer = try await next(deadline)
      if let error = answer["error"] as? [String: any Sendable] {
        throw failure("\(command): \((error["desc"] as? String ?? "refused").prefix(300))")
      }
      if let result = answer["return"] { return result as? [String: any Sendable] ?? [:] }
    }
  }

  /// Hands QEMU an open file, which migrations know as `fd:NAME`.
  ///
  /// - Throws: ``LocalInstanceError/monitor(socket:reason:)``; `CancellationError`.
  func give(_ open: OpenFile, as name: String, deadline: ContinuousClock.Instant) async throws {
    try await execute("getfd", ["fdname": name], with: open, deadline: deadline)
  }

  /// The next event; nil when QEMU ended.
  ///
  /// - Throws: `CancellationError`.
  public func nextEvent() async throws -> Event? {
    while true {
      let message: [String: any Sendable]
      do { message = try await next(nil) } catch is LocalInstanceError { return nil }
      guard let name = message["event"] as? String else { continue }
      let data = message["data"] as? [String: any Sendable]
      return Event(name: name, byGuest: data?["guest"] as? Bool ?? false)
    }
  }

  private func failure(_ reason: String) -> LocalInstanceError { .monitor(socket: socket, reason: reason) }

  /// A command fits into the socket's buffer, since one is sent only when the one before it was answered.
  private func send(_ data: Data, with passed: OpenFile?) throws {
    let isSent = data.withUnsafeBytes { bytes in
      if let passed {
        return cpbuild_send_descriptor(file.descriptor, bytes.baseAddress, bytes.count, passed.descriptor) == 0
      }
      let flags = CInt(truncatingIfNeeded: Int(MSG_NOSIGNAL))
      return Glibc.send(file.descriptor, bytes.baseAddress, bytes.count, flags) == bytes.count
    }
    guard isSent else { throw failure("it takes no commands") }
  }

  private func next(_ deadline: ContinuousClock.Instant?) async throws -> [String: any Sendable] {
    let line = try await reader.next(deadline)
    guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: any Sendable] else {
      throw failure("what it says isn't JSON")
    }
    return object
  }
}

/// Lines from a socket that doesn't block.
private actor LineReader {
  private let file: OpenFile
  private let socket: FilePath
  private var pending = Data()

  /// No message of QEMU's is longer, in bytes.
  private static let limit = 1 << 20

  init(file: OpenFile, socket: FilePath) {
    self.file = file
    self.socket = socket
  }

  func next(_ deadline: ContinuousClock.Instant?) async throws -> Data {
    var wait = Duration.milliseconds(1)
    while true {
      if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Data(pending[..<end])
        pending = Data(pending[pending.index(after: end)...])
        return line
      }
      guard try !fill() else { continue }
      if let deadline, ContinuousClock.now > deadline { throw failure("it doesn't answer") }
      try await Task.sleep(for: wait)
      wait = min(wait * 2, deadline == nil ? .milliseconds(100) : .milliseconds(10))
    }
  }

  /// - Returns: whether something came.
  private func fill() throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(file.descriptor, &buffer, buffer.count, 0)
    if count < 0, errno == EAGAIN || errno == EINTR { return false }
    guard count > 0 else { throw failure("it ended the conversation") }
    pending.append(contentsOf: buffer[..<count])
    guard pending.count <= Self.limit else { throw failure("what it says has no end") }
    return true
  }

  private func failure(_ reason: String) -> LocalInstanceError { .monitor(socket: socket, reason: reason) }
}
