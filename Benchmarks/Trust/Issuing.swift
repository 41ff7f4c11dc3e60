import Foundation
import Launching
import Names
import State
import Trust

/// Certificates with keys, committed and exported.
struct Issuing {
  private let home: String
  private let project: ProjectID

  init(_ home: String) throws {
    self.home = home
    project = try ProjectID("acme")
  }

  func oneByOne(_ count: Int) async throws {
    let keeper = try await prepared()
    let time = try await seconds {
      for index in 0..<count {
        let issued = try await keeper.addUser(UserName("one-\(index)"), to: project)
        _ = try issued.key?.pem()
        try await keeper.state.exports.write()
      }
    }
    try say(["count": Double(count), "seconds": time])
  }

  func together(_ count: Int) async throws {
    let keeper = try await prepared()
    let users = try (0..<count).map { try UserName("batch-\($0)") }
    let time = try await seconds {
      for issued in try await keeper.addUsers(users, to: project) { _ = try issued.key?.pem() }
      try await keeper.state.exports.write()
    }
    try say(["count": Double(count), "seconds": time])
  }

  private func prepared() async throws -> TrustKeeper {
    let keeper = try await keeper(home)
    try await keeper.prepare(project)
    return keeper
  }
}
