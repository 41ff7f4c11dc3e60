import Foundation
import Host
import SystemPackage
import Testing

/// A user's machine: a network namespace in which OpenVPN's own client runs.
struct UserMachine: Sendable {
  let space: String
  let folder: FilePath

  func command(_ program: String, _ arguments: [String]) -> Command {
    Command("nsenter", ["--net=/run/netns/\(space)", "--", program] + arguments)
  }

  /// What the page at `url` says; nil where there is no answer.
  func fetch(_ url: String, seconds: Int = 5) async throws -> String? {
    let output = try await command("curl", ["--silent", "--globoff", "--max-time", "\(seconds)", url]).output()
    return output.status == 0 ? output.stdout : nil
  }

  /// Connects with a profile, and runs `body` while the tunnel is up.
  func connected(
    _ profile: FilePath, options: [String] = [], _ body: @escaping @Sendable (Connection) async throws -> Void
  ) async throws {
    let connection = Connection(log: folder.appending("\(space).log"))
    try? Folder.remove(connection.log)
    let client = command(
      "openvpn", ["--config", profile.string, "--log", connection.log.string, "--verb", "3"] + options)
    // The client may end in between, which is what some of the tests are about.
    let task = Task { _ = try await client.output() }
    defer { task.cancel() }
    try await connection.waits(for: "Initialization Sequence Completed", seconds: 60)
    try await body(connection)
    task.cancel()
    _ = await task.result
  }

  /// Tries a profile, which has to be refused.
  ///
  /// - Returns: what the client logged.
  @discardableResult
  func refused(_ profile: FilePath, seconds: Int = 8) async throws -> String {
    let log = folder.appending("\(space)-refused.log")
    try? Folder.remove(log)
    let arguments = [
      "--config", profile.string, "--log", log.string, "--connect-retry-max", "1", "--connect-timeout", "\(seconds)",
      "--hand-window", "\(seconds)", "--verb", "3",
    ]
    // Its status is 0 even where it was told that it may not come in.
    _ = try await command("timeout", ["\(2 * seconds)", "openvpn"] + arguments).output()
    let said = Connection(log: log).text
    #expect(!said.contains("Initialization Sequence Completed"), "a profile that must be refused was let in\n\(said)")
    #expect(said.contains("UDPv4 link remote"), "the client didn't even try\n\(said)")
    return said
  }

  /// What a client logs.
  struct Connection: Sendable {
    let log: FilePath

    var text: String {
      String(decoding: FileManager.default.contents(atPath: log.string) ?? Data(), as: UTF8.self)
    }

    func waits(for words: String, seconds: Double) async throws {
      try await waiting(for: "the client to say '\(words)'", seconds: seconds) {
        text.contains(words)
      } otherwise: {
        text
      }
    }
  }
}
