import ArgumentParser
import Clouds
import Foundation
import Glibc
import Host
import Launching
import Names
import State

/// `cpbuild ssh`.
struct SSHCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ssh",
    abstract: "Log in to a cloudpipe as its admin, or run a command there.",
    discussion: """
      With the project's key pair, from this machine into the network. The instance is known by the host key that it says \
      on its console. 'doas' makes the admin root.

      Examples:
        sudo cpbuild ssh acme
        sudo cpbuild ssh acme -- doas journalctl -u openvpn-server@server
      """)

  @OptionGroup var options: StateOptions
  @OptionGroup var target: NetworkArguments

  @Argument(parsing: .postTerminator, help: "What to run; a login shell when left out.")
  var command: [String] = []

  mutating func validate() throws {
    if options.global.json { throw ValidationError("what the instance says is no JSON: leave --json out.") }
  }

  func run() async throws {
    guard let open = try await options.openIfThere() else { throw LaunchError.noProject(try target.project()) }
    let id = try await target.one(in: open.store)
    let cloud = try await open.clouds().cloud(of: id)
    let shell = try await InstanceShell.waiting(for: id, of: cloud, in: open.store) {
      StandardError.write("cpbuild: waiting for the instance to have booted\n")
    }
    let isInteractive = command.isEmpty && isatty(STDIN_FILENO) == 1
    try Program.become(shell.words(command, isInteractive: isInteractive))
  }
}
