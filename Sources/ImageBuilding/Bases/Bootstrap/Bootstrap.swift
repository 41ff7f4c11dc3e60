import Foundation
import Host
import SystemPackage

/// A base that is made from the packages of this host's own distribution.
///
/// Resolved first: its identity is a digest of all that goes in, so a plan knows it without building anything.
struct Bootstrap {
  let cache: BaseCache
  let freshness: PackageResolver.Freshness
  let epoch: Int
  let events: @Sendable (BaseEvent) -> Void

  /// An m1.tiny's disk.
  static let size: UInt64 = 1 << 30

  private let distribution: Distribution
  private let system: GuestPackages
  private let supply: PackageSupply

  /// Reads the host's sources.
  ///
  /// - Throws: ``BaseError``, ``PackageError``, `HostError`.
  init(
    cache: BaseCache, freshness: PackageResolver.Freshness, epoch: Int, host: HostFiles? = nil,
    events: @escaping @Sendable (BaseEvent) -> Void
  ) async throws {
    self.cache = cache
    self.freshness = freshness
    self.epoch = epoch
    self.events = events
    let found = try await GuestPackages.read(from: host ?? HostFiles(architecture: MachineArchitecture.name))
    distribution = try Distribution(found.release, architecture: found.nativeArchitecture)
    system = try DistributionSources.choose(from: found, for: distribution)
    supply = PackageSupply(folder: cache.root)
  }

  /// Everything that decides what comes out.
  private struct Inputs {
    let wanted: [PackageName]
    let resolution: Resolution
    let content: BootstrapContent
    let key: Digest
  }

  private var origin: String { "\(distribution.prettyName), bootstrapped" }

  func plan() async throws -> BasePlan {
    let inputs = try await inputs(freshness)
    let path = cache.path(ofBootstrap: inputs.key)
    let missing = supply.cache.missing(inputs.resolution.packages).reduce(0) { $0 + $1.size }
    return BasePlan(
      digest: inputs.key, origin: origin,
      work: cache.has(path)
        ? .cached(path: path) : .bootstrap(packages: inputs.resolution.packages, bytes: missing))
  }

  /// What `packages` would bring along once the base is there.
  func additions(_ packages: [PackageName]) async throws -> [ResolvedPackage] {
    let base = try await inputs(freshness)
    let more = packages.filter { !base.wanted.contains($0) }
    let all = try await supply.resolver.resolve(base.wanted + more, for: system, freshness: known) { _ in }
    let there = Set(base.resolution.packages.map(\.fileName))
    return all.packages.filter { !there.contains($0.fileName) }
  }

  func prepare() async throws -> PreparedBase {
    var inputs = try await inputs(freshness)
    if let ready = ready(inputs) { return ready }
    let events = events
    // A mirror that dropped a package in the meantime gives another resolution.
    let fetched = try await supply.prepare(inputs.wanted, for: system, freshness: known) { events(.packages($0)) }
    if fetched.digest != inputs.resolution.digest { inputs = try self.inputs(inputs.wanted, fetched) }
    let path = cache.path(ofBootstrap: inputs.key)
    return try await cache.locked(path, waiting: { events(.waiting(origin: origin)) }) {
      if let ready = ready(inputs) { return ready }
      let room = try await BootstrapRoom.make(cache: cache.root)
      do {
        let run = BootstrapRun(
          room: room, content: inputs.content, resolution: inputs.resolution, supply: supply, wanted: inputs.wanted,
          epoch: epoch, size: Self.size, events: events)
        let disk = try await run.run()
        let aside = cache.aside(path)
        try await Command("mv", ["--", disk.string, aside.string]).run()
        try cache.publish(aside, as: path)
        try await room.remove()
      } catch {
        try? await room.remove()
        throw error
      }
      return base(inputs, at: path)
    }
  }

  private func ready(_ inputs: Inputs) -> PreparedBase? {
    let path = cache.path(ofBootstrap: inputs.key)
    return cache.has(path) ? base(inputs, at: path) : nil
  }

  private func base(_ inputs: Inputs, at path: FilePath) -> PreparedBase {
    // Raw, since a build lays its own disk over this one: there is no table to go through for each read.
    PreparedBase(path: path, format: .raw, digest: inputs.key, virtualSize: Self.size, origin: origin)
  }

  /// The index is fresh by now: nothing is asked for twice.
  private var known: PackageResolver.Freshness { freshness == .refresh ? .daily : freshness }

  private func inputs(_ freshness: PackageResolver.Freshness) async throws -> Inputs {
    let events = events
    let essentials = try await supply.resolver.essentials(of: distribution, for: system, freshness: freshness) {
      events(.packages($0))
    }
    let asked = BootstrapContent.packages(for: distribution, usesTLS: DistributionSources.usesTLS(system))
    var wanted = asked.compactMap { PackageName($0) }
    wanted += essentials.filter { !wanted.contains($0) }
    let resolution = try await supply.resolver.resolve(wanted, for: system, freshness: known) { events(.packages($0)) }
    return try inputs(wanted, resolution)
  }

  private func inputs(_ wanted: [PackageName], _ resolution: Resolution) throws -> Inputs {
    var hasher = Digest.Hasher()
    // Packages alone, not apt's order of work, which mmdebstrap doesn't follow.
    for package in resolution.packages.sorted(by: { $0.fileName < $1.fileName }) {
      hasher.update("\(package.fileName) \(package.digest)\n")
    }
    let packages = hasher.finish()
    // The root's UUID is part of the content, and its UUID depends on all the rest.
    let draft = BootstrapContent(
      distribution: distribution, sources: DistributionSources.text(of: system, for: distribution), root: "")
    let tidying = Digest.sha256(PackageResources.tidy_root_sh)
    let parts = [
      packages.hex, draft.digest.hex, tidying.hex, try GRUBImage.version().hex, "\(Self.size)", "\(epoch)",
    ]
    let key = Digest.sha256("bootstrap\n" + parts.joined(separator: "\n"))
    let content = BootstrapContent(
      distribution: distribution, sources: draft.sources, root: DerivedUUID.of("root of \(key)"))
    return Inputs(wanted: wanted, resolution: resolution, content: content, key: key)
  }
}
