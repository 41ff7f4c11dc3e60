import Foundation
import Launching
import Names
import State

/// What commands do with a state, in one of its projects: the medians of several times.
struct Operations {
  private let home: String
  private let project: ProjectID

  init(_ home: String) throws {
    self.home = home
    project = try ProjectID("acme")
  }

  func run() async throws {
    let state = try await keeper(home)
    var times = ["open": try await median { try await keeper(home).state.close() }]
    let network = NetworkID(project: project, name: .standard)
    times["prepare"] = try await median { try await state.prepare(project) }
    times["server credentials"] = try await median { _ = try await state.serverCredentials(of: network) }
    let user = try UserName("bench")
    // From an earlier run, if there was one.
    _ = try? await state.revoke(user, of: project)
    _ = try await state.addUser(user, to: project)
    times["add a user"] = try await median { _ = try await state.addUser(user, to: project, renewing: true) }
    times["add and revoke a user"] = try await median {
      _ = try await state.revoke(user, of: project)
      _ = try await state.addUser(user, to: project)
    }
    times["renew CRLs that are due"] = try await median { try await state.renewDue() }
    times["users of a project"] = try await median {
      _ = try await state.state.read { try $0.certificates.ofUsers(in: project) }
    }
    times["what ends soon"] = try await median { _ = try await state.ending() }
    times["list of projects"] = try await median { _ = try await state.state.read { try $0.projects.overview() } }
    try say(times)
  }

  private func median(_ body: () async throws -> Void) async throws -> Double {
    var times: [Double] = []
    for _ in 0..<7 { times.append(try await seconds(body)) }
    return times.sorted()[3]
  }
}
