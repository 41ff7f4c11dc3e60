import ArgumentParser
import Clouds
import Launching
import Names
import OpenStack
import State

/// `cpbuild adopt`.
struct AdoptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adopt",
    abstract: "Take over the cloudpipes of an OpenStack cloud that the state knows nothing of.",
    discussion: """
      For when the state is lost: networks, addresses, ports and instances are written down again from what is marked as \
      cpbuild's in the cloud, so that every command finds them. What is known already stays as it is.

      Private keys come back from a backup alone ('cpbuild restore'). Without one 'cpbuild restart PROJECT' boots the \
      cloudpipe with a new CA and new keys, and its users need new profiles.

      Examples:
        cpbuild adopt --cloud mycloud
        cpbuild adopt --cloud mycloud acme
      """)

  @OptionGroup var options: CloudpipeOptions
  @OptionGroup var cloud: CloudOption
  @OptionGroup var target: OptionalProjectArgument

  /// What `--json` prints.
  struct Report: Encodable {
    struct Cloudpipe: Encodable {
      let project: ProjectID
      let network: NetworkName
      let address: IPv4Address
      let publicAddress: IPv4Address?
      let publicPort: UInt16?
      let image: String
      /// Whether the state had it already.
      let wasKnown: Bool?
      /// Whether its CA and keys are lost.
      let keysLost: Bool?
      /// Why it wasn't adopted.
      let error: String?
    }
    let cloud: String
    let cloudpipes: [Cloudpipe]
    /// What is of no cloudpipe, and how it is removed.
    let strays: [String]
  }

  func run() async throws {
    let project = try target.project()
    let session = try cloud.session()
    let name = session.access.name
    let (found, results) = try await options.reporting(cloud: name) { open, launcher in
      let cloud = OpenStackCloud(session: session, settings: open.configuration.clouds[name] ?? OpenStackSettings())
      let found = try await cloud.find(of: project)
      var results: [Result<AdoptedCloudpipe, any Error>] = []
      for cloudpipe in found.cloudpipes { results.append(await Self.result { try await launcher.adopt(cloudpipe) }) }
      return (found, results)
    }
    let report = Report(
      cloud: name, cloudpipes: zip(found.cloudpipes, results).map { Report.Cloudpipe($0, $1) }, strays: found.strays)
    for stray in found.strays { StandardError.write("cpbuild: warning: \(stray.escapingControls())\n") }
    try options.global.print(report, text: text(report, project))
    let failures = results.compactMap { if case .failure(let error) = $0 { error } else { nil } }
    for failure in failures.dropLast() { StandardError.write("cpbuild: \("\(failure)".escapingControls())\n") }
    if let last = failures.last { throw last }
  }

  private static func result(
    _ body: () async throws -> AdoptedCloudpipe
  ) async -> Result<AdoptedCloudpipe, any Error> {
    do { return .success(try await body()) } catch { return .failure(error) }
  }

  private func text(_ report: Report, _ project: ProjectID?) -> String {
    let all = report.cloudpipes.filter { $0.error == nil }
    guard !all.isEmpty else {
      return "the cloud \(report.cloud) has no cloudpipe\(project.map { " of \($0)" } ?? "") that can be adopted\n"
    }
    return all.map(\.sentence).joined() + (all.contains { $0.keysLost == true } ? Self.advice : "")
  }

  private static let advice = """
    the CAs and keys of those with 'keys lost' are nowhere here: 'cpbuild restore FILE' brings them back from a backup; \
    without one, 'cpbuild restart PROJECT' boots a cloudpipe with new ones, and its users need new profiles \
    ('cpbuild user add')

    """
}

extension AdoptCommand.Report.Cloudpipe {
  init(_ found: FoundCloudpipe, _ result: Result<AdoptedCloudpipe, any Error>) {
    project = found.id.project
    network = found.id.name
    address = found.place.address
    publicAddress = found.publicAddress
    publicPort = found.publicPort?.rawValue
    image = found.image.id
    switch result {
    case .success(let adopted): (wasKnown, keysLost, error) = (adopted.wasKnown, adopted.hasLostKeys, nil)
    case .failure(let failure): (wasKnown, keysLost, error) = (nil, nil, "\(failure)")
    }
  }

  fileprivate var sentence: String {
    let place = publicAddress.map { " at \($0)\(publicPort.map { ":\($0)" } ?? "")" } ?? ""
    let what = wasKnown == true ? "was known already" : "is adopted"
    return "\(project)/\(network)\(place) \(what)\(keysLost == true ? ", keys lost" : "")\n"
  }
}
