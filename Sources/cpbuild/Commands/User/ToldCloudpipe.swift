import Launching
import Names

/// What became of a running cloudpipe that was told of a new CRL, as documents have it.
struct ToldCloudpipe: Encodable {
  let network: String
  let installed: UInt64?
  let ended: [String]?
  /// Why it still goes by its old CRL.
  let error: String?

  init(_ network: NetworkName, _ outcome: RevokedUser.Outcome) {
    self.network = network.text
    switch outcome {
    case .refreshed(let refresh): (installed, ended, error) = (refresh.installed, refresh.ended, nil)
    case .failed(let why): (installed, ended, error) = (nil, nil, why)
    }
  }

  /// A line for people.
  var sentence: String {
    if let error {
      return "  \(network): the cloudpipe still goes by its old CRL, and fetches the new one by itself: "
        + "\(error.escapingControls())\n"
    }
    let count = ended?.count ?? 0
    return "  \(network): CRL \(installed ?? 0) is in place, \(count) session\(count == 1 ? "" : "s") ended\n"
  }
}
