public import Names
public import State
public import SystemPackage

/// What can go wrong with a cloudpipe's life; every case names the thing that it is about.
public enum LaunchError: Error, Sendable, CustomStringConvertible {
  /// A step of a launch failed for `reason`; `console` is the end of what the instance said, where there is one.
  case step(String, of: NetworkID, reason: String, console: String?, cause: any Error)
  /// A cloudpipe that was there before doesn't run, or doesn't answer, because of `reason`; it stays as it is.
  case down(NetworkID, reason: String, console: String?, cause: any Error)
  /// A launch failed because of `failure`, and undoing what it made because of `obstacle`.
  case notUndone(NetworkID, failure: any Error, obstacle: any Error)
  /// There is no image to boot: none of that id, or none at all.
  case noImage(String?, out: FilePath)
  case noFlavor(String, known: [String])
  /// The network is there and isn't as it was asked for.
  case different(NetworkID, what: String, is: String, asked: String)
  /// The cloud may still make what a launch asked for that was undone.
  case awaited(NetworkID, cloud: String)
  /// The cloud has things of a project of that name that this state knows nothing of.
  case foreign(ProjectID, cloud: String)
  /// The project has no cloudpipe on the network.
  case notLaunched(NetworkID)
  /// The project is nothing that cpbuild knows.
  case noProject(ProjectID)
  /// Which of a project's networks isn't said and can't be told.
  case severalNetworks(ProjectID, [NetworkName])
  /// The VPN gave no answer in `seconds`; `fault` is what else is known.
  case noAnswer(seconds: Int, fault: String?)
  /// Something that needs root.
  case notPermitted(doing: String)
  /// A cloudpipe's own system can't be asked.
  case noShell(NetworkID, why: String)
  /// The cloudpipe was adopted, and the keys that it was launched with are nowhere.
  case keysLost(NetworkID)
  /// The machine is attached with another address or MAC address than was asked for.
  case otherInterface(MachineName, of: NetworkID, is: String, asked: String)
  /// Nobody but the cloudpipe can have that name.
  case cloudpipesName(MachineName, of: NetworkID)
  /// The cloud lets that port of `on`, or of any address, not be used, or another has it.
  case portTaken(PortNumber, on: IPv4Address?)
  /// Somebody else than a cloudpipe of this state has the port; `by` says who, in words.
  case portInUse(PortNumber, on: IPv4Address, by: String)
  /// No address of this machine is `address`.
  case foreignAddress(IPv4Address)

  public var description: String {
    switch self {
    case .step(let step, let id, let reason, let console, _):
      return "the launch of \(id) failed at the step '\(step)' and was undone: \(reason)\(Self.tail(console))"
    case .down(let id, let reason, let console, _):
      let target = "\(id.project)\(Self.option(id))"
      return "\(id)'s cloudpipe is down: \(reason)\nit stays as it is: 'cpbuild log \(target)' shows what it says, and "
        + "'cpbuild restart \(target)' boots it anew\(Self.tail(console))"
    case .notUndone(let id, LaunchError.step(let step, _, let reason, _, _), let obstacle):
      return "the launch of \(id) failed at the step '\(step)': \(reason)\nwhat it made couldn't be removed yet, which "
        + "the next command does: \(obstacle)"
    case .notUndone(let id, let failure, let obstacle):
      return "the launch of \(id) failed: \(failure)\nwhat it made couldn't be removed yet, which the next command "
        + "does: \(obstacle)"
    case .noImage(let id?, let out):
      return "there is no image \(id) in \(out): 'cpbuild image list' shows those that there are"
    case .noImage(nil, let out):
      return "there is no image in \(out) and none is registered: build one with 'cpbuild image'"
    case .noFlavor(let name, let known):
      return "there is no flavor \(name): choose one of \(known.joined(separator: ", ")), or name it in cpbuild.yaml"
    case .different(let id, let what, let found, let asked):
      return "\(id) is there with the \(what) \(found), not \(asked): terminate it first to have it anew"
    case .awaited(let id, let cloud):
      return
        "the cloud \(cloud) may still make what an undone launch of \(id) asked it for and heard no answer to: launch it "
        + "elsewhere in some minutes, when a command has looked there once more"
    case .foreign(let id, let cloud):
      return "the cloud \(cloud) has a project \(id) of another cpbuild's, or of a state that is lost: 'cpbuild adopt "
        + "--cloud \(cloud) \(id)' takes it over, or names what is left of it"
    case .notLaunched(let id):
      return "there is no cloudpipe of \(id): 'cpbuild launch \(id.project)\(Self.option(id))' makes one"
    case .noProject(let id): return "there is no project \(id): 'cpbuild launch \(id)' makes one"
    case .severalNetworks(let id, let names):
      return "\(id) has several networks: choose one of \(names.map(\.text).joined(separator: ", ")) with --network"
    case .noAnswer(let seconds, let fault):
      return "the VPN gave no answer in \(seconds) s" + (fault.map { ": \($0)" } ?? "")
    case .notPermitted(let doing):
      return "\(doing) needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN: run it with sudo"
    case .noShell(let id, let why):
      return "the cloudpipe of \(id) can't be reached over ssh: \(why.isEmpty ? "ssh gave no reason" : why)"
    case .keysLost(let id):
      return "the keys of \(id)'s cloudpipe are lost: 'cpbuild restart \(id.project)' boots it with new ones, and its "
        + "users need new profiles"
    case .otherInterface(let name, let id, let found, let asked):
      return "\(name) is attached to \(id) with \(found), not \(asked): detach it first to have it so"
    case .cloudpipesName(let name, let id):
      return "\(name) is the name of the cloudpipe of \(id): choose another one"
    case .portTaken(let port, let address):
      let place = address.map { " of \($0)" } ?? ""
      return "port \(port)\(place) can't be had: leave --port out, or see 'public' of the cloud in cpbuild.yaml"
    case .portInUse(let port, let address, let holder):
      return "port \(port)/udp of \(address) is in use by \(holder): choose another one with --port, or another address"
    case .foreignAddress(let address):
      return "no interface of this machine has the address \(address): 'ip -4 address' lists those that it has"
    }
  }

  private static func option(_ id: NetworkID) -> String { id.name == .standard ? "" : " --network \(id.name)" }

  private static func tail(_ console: String?) -> String {
    console.map { "\nthe end of its console:\n" + indented($0) } ?? ""
  }

  private static func indented(_ text: String) -> String {
    text.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
  }
}
