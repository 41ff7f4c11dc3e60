import ArgumentParser

/// `cpbuild crl`.
struct CRLCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "crl",
    abstract: "Look at the certificate revocation lists, and renew them.",
    discussion: """
      Any command that opens the state renews the lists of which two thirds of the life are over. Once a list has ended \
      its cloudpipe refuses everybody.

      Examples:
        cpbuild crl show acme
        cpbuild crl renew --all
      """,
    subcommands: [CRLShow.self, CRLRenew.self])
}
