import ArgumentParser

/// `cpbuild user`.
struct UserCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "user",
    abstract: "Let users into a project's VPN, see who they are, throw them out.",
    discussion: """
      Examples:
        cpbuild user add acme alice --out alice.ovpn
        cpbuild user add acme bob --csr bob.csr --expires 90d > bob.ovpn
        cpbuild user list acme
        cpbuild user revoke acme alice --reason key-compromise
      """,
    subcommands: [UserAdd.self, UserList.self, UserRevoke.self])
}
