import ArgumentParser
import Foundation
import Glibc
import Launching
import Names
import State

/// `cpbuild user list`.
struct UserList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List a project's users and until when they are let in.",
    discussion: "With --json: every certificate that each of them ever had.")

  @OptionGroup var state: StateOptions
  @Argument(help: ArgumentHelp("The project.", valueName: "project")) var project: String

  func run() async throws {
    let project = try ProjectID(project)
    guard let open = try await state.openIfThere() else { throw TrustKeeperError.noProject(project) }
    let list = try await open.users().list(of: project)
    for (network, why) in list.silent {
      StandardError.write("cpbuild: warning: who is connected to \(network) isn't known: \(why.escapingControls())\n")
    }
    let users = list.users.map(UserDocument.init)
    var table = Table(["USER", "STATUS", "UNTIL", "CERTIFICATES", "CONNECTED FROM", "SINCE", "RECEIVED", "SENT"])
    for user in users {
      let about = [user.user, user.status, user.notAfter?.formatted(.iso8601) ?? "", "\(user.certificates.count)"]
      table.add(about + (user.sessions.first?.cells ?? []))
      for session in user.sessions.dropFirst() { table.add(about.map { _ in "" } + session.cells) }
    }
    let text =
      users.isEmpty
      ? "\(project) has no users; 'cpbuild user add \(project) USER' lets one in\n"
      : table.text(width: Terminal.width(of: STDOUT_FILENO))
    try state.global.print(UserListDocument(project: project.text, users: users), text: text)
  }
}

/// What `cpbuild user list --json` prints.
struct UserListDocument: Encodable {
  let project: String
  let users: [UserDocument]
}

/// One user in it.
struct UserDocument: Encodable {
  struct Certificate: Encodable {
    let serial: String
    let notBefore: Date
    let notAfter: Date
    let revokedAt: Date?
    let reason: String?
  }
  struct Session: Encodable {
    let network: String
    let remote: String
    let address: String?
    let since: Date
    let expires: Date?
    let serial: String?
    let received: UInt64
    let sent: UInt64

    /// Where from, since when, and the bytes both ways.
    var cells: [String] {
      [remote, since.formatted(.iso8601), Quantity.bytes(received), Quantity.bytes(sent)]
    }
  }

  let user: String
  let status: String
  let notAfter: Date?
  let certificates: [Certificate]
  let sessions: [Session]

  init(_ user: ProjectUser) {
    self.user = user.user.text
    status = user.status.rawValue
    notAfter = user.notAfter
    certificates = user.certificates.map {
      Certificate(
        serial: $0.serial.text, notBefore: $0.notBefore, notAfter: $0.notAfter, revokedAt: $0.revokedAt,
        reason: $0.reason?.name)
    }
    sessions = user.sessions.map {
      Session(
        network: $0.network.text, remote: $0.remote, address: $0.address, since: $0.since, expires: $0.expires,
        serial: $0.serial, received: $0.received, sent: $0.sent)
    }
  }
}
