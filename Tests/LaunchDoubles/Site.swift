import Clouds
public import Foundation
public import Host
public import Launching
public import Names
public import State
public import SystemPackage

/// A home, an image and a cloud below one folder, as several processes use them.
public struct Site: Sendable {
  public let folder: FilePath
  public let store: StateStore
  public var out: FilePath { folder.appending("out") }
  public var cloud: CloudDouble { CloudDouble(folder: folder.appending("cloud")) }
  public static let imageID = "ami-0123456789abcdef0"

  public init(_ folder: FilePath) async throws {
    self.folder = folder
    store = try await StateStore.open(Home(folder.appending("home")))
  }

  /// - Parameters:
  ///   - hasUnheard: the cloud may make something late.
  ///   - later: how much later it is than it is, in seconds.
  ///   - patience: how long its answer is waited for.
  ///   - holders: who has ports beside this site's cloudpipes.
  ///   - answers: whether the VPN does.
  ///   - report: told what goes on.
  public func launcher(
    faults: [String: CloudDouble.Fault] = [:], hasUnheard: Bool = false, lateness: TimeInterval = 0,
    later: TimeInterval = 0, patience: Duration = .seconds(180), holders: [PortNumber: String] = [:],
    answers: @escaping AnswerProbe = { _ in true }, report: @escaping @Sendable (ProgressEvent) -> Void = { _ in }
  ) throws -> Launcher {
    var cloud = CloudDouble(folder: cloud.folder, faults: faults)
    (cloud.hasUnheard, cloud.lateness, cloud.holders) = (hasUnheard, lateness, holders)
    let defaults = LaunchDefaults(
      range: try IPv4Network("10.0.0.0/8"), prefixLength: 24, tunnelRange: try IPv4Network("172.16.0.0/12"),
      ports: try PortNumber("20000")...PortNumber("20999"), publicAddress: nil, clients: 5, flavors: [:])
    let host = HostNetworks(
      taken: [try IPv4Network("10.1.0.0/16")], addresses: [try IPv4Address("192.0.2.7")],
      outward: try IPv4Address("192.0.2.7"))
    return Launcher(
      state: store, cloud: cloud, trust: TrustDouble(store: store), defaults: defaults, out: out, crlLocation: nil,
      probe: answers, host: { host }, now: { Date() + later }, patience: patience, report: report)
  }

  /// Lays an image down that has a manifest and no more.
  public func addImage() throws {
    let image = out.appending("images").appending(Self.imageID)
    let digest = String(repeating: "a", count: 64)
    let manifest = """
      {"version": 1, "id": "\(Self.imageID)", "recipe": "cloudpipe", "summary": "", "tool": "", "epoch": 0,
       "system": {"distribution": "debian", "version": "12", "codename": "", "architecture": "amd64"},
       "base": {"origin": "", "digest": "\(digest)"},
       "stages": {"packages": "\(digest)", "overlays": "\(digest)", "finish": "\(digest)"},
       "disk": {"format": "qcow2", "sha256": "\(digest)", "size": 1, "virtualSize": 1073741824},
       "boot": {"kernel": "/vmlinuz", "root": ""}, "minimumMemory": 512, "minimumDisk": 1, "packages": [],
       "checks": {"files": [], "enabled": []}, "enabledUnits": [],
       "tree": {"digest": "\(digest)", "entries": 0, "size": 0}, "files": []}
      """
    try Folder.make(image)
    try AtomicFile.write(manifest, to: image.appending("manifest.json"))
    try AtomicFile.write("", to: image.appending("SHA256SUMS"))
    try AtomicFile.write("\(Self.imageID)\n", to: out.appending("vpn_image_id"))
  }

  /// All that there is beside images and CAs, in words: what is left when everything is meant to be gone.
  public var remains: [String] {
    get async throws {
      let rows = try await store.read { transaction -> [String] in
        var rows = try transaction.projects.all().map { "project \($0.id)" }
        for project in try transaction.projects.all() where try transaction.keyPairs.find(of: project.id) != nil {
          rows.append("key pair of \(project.id)")
        }
        rows += try transaction.networks.all().map { "network \($0.id)" }
        rows += try transaction.publicPorts.all().map { "port \($0.port)" }
        rows += try transaction.instances.all().map { "instance \($0.id)" }
        rows += try transaction.launches.allOpen().map { "open launch \($0.id)" }
        return rows
      }
      return try cloud.things + rows
    }
  }
}
