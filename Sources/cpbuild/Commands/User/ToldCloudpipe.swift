import Launching
import Names

/// What became of a running cloudpipe that was told of a new CRL, as documents have it.
struct ToldCloudpipe: Encodable {
  let network: String
  let installed: UInt64?
  let ended: [String]?
  /// Why it still goes by its old CRL.
  let error: String?
  /// Whether it fetches the new one by itself; nil where it has it.
  let fetchesItself: Bool?

  init(_ network: NetworkName, _ outcome: RevokedUser.Outcome) {
    self.network = network.text
    switch outcome {
    case .refreshed(let refresh):
      (installed, ended, error, fetchesItself) = (refresh.installed, refresh.ended, nil, nil)
    case .failed(let why, let fetchesItself):
      (installed, ended, error, self.fetchesItself) = (nil, nil, why, fetchesItself)
    }
  }

  /// A line for people.
  var sentence: String {
    if let error {
      let outlook =
        fetchesItself == true
        ? "fetches the new one by itself, within half a minute of its being served"
        : "has nowhere to fetch the new one from: 'cpbuild restart' boots it with that, and 'crl-url' in cpbuild.yaml, "
          + "set before, lets it fetch later ones"
      return "  \(network): the cloudpipe still goes by its old CRL, and \(outlook): \(error.escapingControls())\n"
    }
    let count = ended?.count ?? 0
    return "  \(network): CRL \(installed ?? 0) is in place, \(count) session\(count == 1 ? "" : "s") ended\n"
  }
}
