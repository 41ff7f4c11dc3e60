import ArgumentParser

/// `cpbuild ca`.
struct CACommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ca",
    abstract: "Look after the root CA and the projects' CAs.",
    discussion: """
      Examples:
        cpbuild ca show
        cpbuild ca export acme --out acme-ca.crt
        cpbuild ca renew acme
        cpbuild ca revoke acme --yes
      """,
    subcommands: [CAShow.self, CAExport.self, CARenew.self, CARevoke.self])
}
