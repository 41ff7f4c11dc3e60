public import Clouds
import Foundation
import Host
public import State
import SystemPackage

/// The way into an instance as its admin: ssh with the project's key pair, to a host that is known by what it said of
/// itself on its console, which nobody but its root writes to.
public struct InstanceShell: Sendable {
  let network: NetworkID
  let way: WayToInstance
  /// The private key's file.
  let key: FilePath
  /// `ssh-ed25519` and base64, as the instance's `host-key` says it.
  let hostKey: String

  /// The guest's one user, who becomes root with doas(1).
  private static let user = "cloudpipe"
  private static let hostKeyWords = "cloudpipe: ssh host key "
  /// How long a handshake may take, in seconds: an emulated guest needs one or two.
  private static let connectSeconds = 10

  /// How long after its boot an instance is waited for, whose VPN answers long before its sshd does: seconds.
  private static let boot: TimeInterval = 150

  /// The way in, for which an instance that is booting is waited.
  ///
  /// - Parameter waiting: called once if it is.
  /// - Throws: ``LaunchError/noShell(_:why:)``, ``LaunchError/notLaunched(_:)``, what the cloud throws;
  ///   `CancellationError`.
  public static func waiting(
    for id: NetworkID, of cloud: any Cloud, in state: StateStore, waiting: () -> Void = {}
  ) async throws -> InstanceShell {
    var isAnnounced = false
    while true {
      do { return try await InstanceShell(to: id, of: cloud, in: state) } catch let error as LaunchError {
        guard case .noShell = error, case let condition = try await cloud.condition(of: id),
          condition.state == .running, let since = condition.since, Date().timeIntervalSince(since) < boot
        else { throw error }
      }
      if !isAnnounced { waiting() }
      isAnnounced = true
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  /// - Throws: ``LaunchError/noShell(_:why:)`` while the instance's sshd isn't up, ``LaunchError/notLaunched(_:)``,
  ///   ``LaunchError/keysLost(_:)``, what the cloud throws.
  init(to id: NetworkID, of cloud: any Cloud, in state: StateStore) async throws {
    let pair = try await state.read { transaction in
      guard let instance = try transaction.instances.find(id) else { throw LaunchError.notLaunched(id) }
      guard !instance.hasLostKeys, let pair = try transaction.keyPairs.find(of: id.project) else {
        throw LaunchError.keysLost(id)
      }
      return pair
    }
    // Whether there is a way is known before the instance has booted.
    way = try await cloud.way(to: id)
    guard let hostKey = Self.hostKey(in: try await cloud.console(of: id)) else {
      throw LaunchError.noShell(id, why: "it hasn't said its host key on its console yet")
    }
    network = id
    key = state.keys.path(of: pair.keyFile)
    self.hostKey = hostKey
  }

  /// What the instance said last; nil where it said nothing that is a key.
  package static func hostKey(in console: String) -> String? {
    let lines = console.split(whereSeparator: \.isNewline)
    guard let line = lines.last(where: { $0.contains(hostKeyWords) }), let words = line.firstRange(of: hostKeyWords)
    else { return nil }
    let key = line[words.upperBound...].prefix { !$0.isWhitespace || $0 == " " }
    return key.wholeMatch(of: /(ssh-ed25519) ([A-Za-z0-9+\/]{40,200}=*)/) == nil ? nil : String(key)
  }

  /// The words of a command line that runs `command` in the instance, or a login shell when it is empty.
  ///
  /// What is given here goes before the instance's own shell, so that each word of a command is for that to split.
  public func words(_ command: [String], isInteractive: Bool) -> [String] {
    let name = LaunchedNames.instance(of: network)
    let options = [
      "IdentitiesOnly=yes", "HostKeyAlias=\(name)", "StrictHostKeyChecking=yes", "UserKnownHostsFile=none",
      "GlobalKnownHostsFile=none", "KnownHostsCommand=/bin/echo \(name) \(hostKey)", "CheckHostIP=no",
      // An sshd says its key a moment before it listens.
      "ConnectTimeout=\(Self.connectSeconds)", "ConnectionAttempts=10", "PreferredAuthentications=publickey",
      "LogLevel=ERROR",
    ]
    return way.prefix + ["ssh", "-F", "none", "-i", key.string] + (isInteractive ? [] : ["-T"])
      + (options + (isInteractive ? [] : ["BatchMode=yes"])).flatMap { ["-o", $0] }
      + ["\(Self.user)@\(way.address)"] + (command.isEmpty ? [] : ["--"] + command)
  }

  /// Runs a command, whatever its status.
  ///
  /// - Parameter input: a file that is the command's standard input.
  /// - Throws: ``LaunchError/noShell(_:why:)`` when ssh doesn't get there, `HostError`, `CancellationError`.
  func run(_ command: [String], input: FilePath? = nil) async throws -> Command.Output {
    let words = words(command, isInteractive: false)
    var ssh = Command(words[0], Array(words.dropFirst()))
    ssh.input = input
    let output = try await ssh.output()
    // ssh's own failures; no program of ours in the instance ends with it.
    if output.status == 255 {
      throw LaunchError.noShell(network, why: output.stderrTail.split(separator: "\n").last.map(String.init) ?? "")
    }
    return output
  }
}
