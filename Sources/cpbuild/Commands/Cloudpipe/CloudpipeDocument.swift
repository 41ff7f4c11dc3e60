import Clouds
import Foundation
import Launching
import Names
import State

/// What `--json` prints of a cloudpipe that was launched, restarted or moved.
struct CloudpipeDocument: Encodable {
  let project: ProjectID
  let network: NetworkName
  let publicAddress: IPv4Address?
  let publicPort: UInt16?
  /// The cloudpipe's own in its network.
  let address: IPv4Address?
  let image: String?
  /// It ran already, and nothing was done.
  let wasRunning: Bool?
  let error: String?

  init(_ launched: Launched) {
    project = launched.id.project
    network = launched.id.name
    publicAddress = launched.forward.address
    publicPort = launched.forward.port.rawValue
    address = launched.forward.instance
    image = launched.imageID
    wasRunning = launched.wasRunning
    error = nil
  }

  init(_ outcome: Launcher.Outcome) {
    switch outcome.result {
    case .success(let launched): self.init(launched)
    case .failure(let error): self.init(failed: outcome.id, "\(error)")
    }
  }

  private init(failed id: NetworkID, _ error: String) {
    (project, network, self.error) = (id.project, id.name, error)
    (publicAddress, publicPort, address, image, wasRunning) = (nil, nil, nil, nil, nil)
  }
}

extension Launched {
  /// One line among those of others.
  func line(waited: Bool) -> String {
    "\(id) \(wasRunning ? "runs already" : waited ? "answers" : "is booting") at \(forward.address):\(forward.port)\n"
  }

  /// What to say to whoever launched it.
  func text(waited: Bool) -> String {
    let place = "\(forward.address):\(forward.port)"
    let network = id.name == .standard ? "" : " --network \(id.name)"
    let says =
      switch (wasRunning, waited) {
      case (true, true): "\(id)'s cloudpipe runs already; its VPN answers at \(place)"
      case (true, false): "\(id)'s cloudpipe runs already; its VPN is at \(place)"
      case (false, true): "\(id)'s VPN answers at \(place)"
      case (false, false):
        "\(id)'s cloudpipe is booting; its VPN will answer at \(place) ('cpbuild show \(id.project)' tells)"
      }
    return says + "\nlet a user in with: cpbuild user add \(id.project) USER\(network) --out USER.ovpn\n"
  }
}

extension [Launcher.Outcome] {
  /// Prints what became of each, and fails when one failed.
  ///
  /// - Throws: the last failure, and what printing throws.
  func print(_ options: GlobalOptions, _ text: (Launched) -> String) throws {
    let lines = map { outcome in
      switch outcome.result {
      case .success(let launched): text(launched)
      case .failure: ""
      }
    }
    let text = isEmpty ? "no cloudpipe has been launched\n" : lines.joined()
    try options.print(map(CloudpipeDocument.init), text: text)
    let failures = compactMap { if case .failure(let error) = $0.result { error } else { nil } }
    for failure in failures.dropLast() { StandardError.write("cpbuild: \("\(failure)".escapingControls())\n") }
    if let last = failures.last { throw last }
  }
}
