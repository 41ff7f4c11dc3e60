import Foundation
import Host
import Synchronization
import SystemPackage

/// The user's OpenVPN.
final class DemoClient: Sendable {
  private let places: DemoPlaces
  private let profile: FilePath
  private let log: FilePath
  private let running = Mutex<Task<Void, any Error>?>(nil)

  private static let isUp = "Initialization Sequence Completed"

  init(places: DemoPlaces, profile: FilePath, log: FilePath) {
    self.places = places
    self.profile = profile
    self.log = log
  }

  /// Connects, and goes on running.
  ///
  /// - Returns: what was seen, in words for people.
  /// - Throws: ``DemoError/client(_:log:)``, `HostError`, `CancellationError`.
  func connect() async throws -> String {
    let command = places.userCommand("openvpn", ["--config", profile.string, "--log", log.string, "--verb", "3"])
    running.withLock { $0 = Task { _ = try await command.output() } }
    try await wait(seconds: 60, "the client didn't connect") { said.contains(Self.isUp) }
    let cipher = said.firstMatch(of: /Data Channel: cipher '([A-Z0-9-]+)'/).map { ", \($0.1)" } ?? ""
    return "OpenVPN's client is in\(cipher)"
  }

  /// Waits until the server ended the session and the client with it.
  func waitForEnd(seconds: Int) async throws {
    try await wait(seconds: seconds, "the session didn't end") { said.contains("process exiting") }
  }

  /// Tries again, which has to fail.
  func isRefused(seconds: Int) async throws {
    try? Folder.remove(log)
    let arguments = [
      "\(seconds)", "openvpn", "--config", profile.string, "--log", log.string, "--verb", "3",
      "--connect-retry-max", "1", "--hand-window", "\(seconds - 2)",
    ]
    _ = try await places.userCommand("timeout", arguments).output()
    guard !said.contains(Self.isUp) else { throw DemoError.client("the revoked user got in again", log: tail) }
  }

  func end() { running.withLock { $0?.cancel() } }

  private var said: String {
    String(decoding: FileManager.default.contents(atPath: log.string) ?? Data(), as: UTF8.self)
  }
  private var tail: String { said.split(separator: "\n").suffix(10).joined(separator: "\n") }

  private func wait(seconds: Int, _ otherwise: String, _ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !condition() {
      guard ContinuousClock.now < deadline else { throw DemoError.client(otherwise, log: tail) }
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
