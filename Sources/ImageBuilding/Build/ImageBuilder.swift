import Foundation
import Glibc
public import Host
public import SystemPackage

/// Builds images from recipes.
public struct ImageBuilder: Sendable {
  /// What a build may do and where.
  public struct Options: Sendable {
    /// Caches: bases, packages, stages, the appliance.
    public var cache: FilePath
    /// Where images are published.
    public var out: FilePath
    /// Nothing is fetched.
    public var offline = false
    /// Package indexes are fetched again even if they are fresh.
    public var refresh = false
    /// What is left of a failed build is kept for a look.
    public var keepOnError = false
    /// Latest time that a file of the image may carry, in seconds since 1970.
    public var epoch = SourceDateEpoch.standard
    /// cpbuild's version, for the manifest.
    public var tool: String

    public init(cache: FilePath, out: FilePath, tool: String) {
      self.cache = cache
      self.out = out
      self.tool = tool
    }

    var freshness: PackageResolver.Freshness { offline ? .offline : refresh ? .refresh : .daily }
  }

  /// What a build gave.
  public struct Result: Sendable {
    public let manifest: Manifest
    /// The image was there already.
    public let existed: Bool
    public let timings: [StageRunner.Timing]
  }

  let options: Options
  let runner: StageRunner
  let stages: StageCache
  let registry: ImageRegistry
  /// Finished images, for whichever out folder wants them.
  let finished: ImageRegistry
  let supply: PackageSupply
  let bases: BaseStore

  public init(_ options: Options, events: @escaping @Sendable (ProgressEvent) -> Void) {
    self.options = options
    runner = StageRunner(events: events)
    stages = StageCache(cache: options.cache)
    registry = ImageRegistry(out: options.out)
    finished = ImageRegistry(out: options.cache)
    supply = PackageSupply(folder: options.cache)
    let runner = runner
    bases = BaseStore(cache: options.cache, freshness: options.freshness, epoch: options.epoch) { event in
      BaseProgress.tell(event, runner)
    }
  }

  /// Builds and publishes the image of `recipe`, or finds that it is there.
  ///
  /// - Throws: the errors of every module it uses; `CancellationError`. Nothing half-made is left then.
  public func build(_ recipe: Recipe) async throws -> Result {
    try registry.checkPlace()
    try Folder.make(options.cache, mode: 0o700)
    let overlays = try recipe.overlays.map { try Overlay(folder: $0) }
    // From here on nobody prunes what is used.
    let work = try WorkFolder(below: options.cache.appending("work"))
    let result: Result
    do {
      let base = try await runner.run("base", recipe.base.description) { _ in
        try await bases.prepare(recipe.base)
      }
      let lock = try await takeLock(recipe, base: base, overlays: overlays)
      defer { withExtendedLifetime(lock) {} }
      let job = BuildJob(builder: self, recipe: recipe, overlays: overlays, base: base, work: work.path)
      let (manifest, existed) = try await job.run()
      result = Result(manifest: manifest, existed: existed, timings: runner.timings)
    } catch {
      let isBegun = try Folder.names(in: work.path) != ["lock"]
      if options.keepOnError, isBegun, !(error is CancellationError) { try keep(work) } else { try? work.remove() }
      throw error
    }
    do {
      try work.remove()
      try ImageCache(options.cache).prune(budget: ImageCache.standardBudget, kept: false)
    } catch {
      runner.tell(.warning("the cache can't be kept in its bounds: \(error)"))
    }
    return result
  }

  /// One build of the same inputs at a time: the others wait and take its result.
  private func takeLock(_ recipe: Recipe, base: PreparedBase, overlays: [Overlay]) async throws -> FileLock {
    let request = Digest.sha256(
      ([base.digest.hex] + recipe.packages.map(\.description) + overlays.map(\.digest.hex) + [
        "\(recipe.maximumSize)", recipe.name,
      ])
      .joined(separator: "\n"))
    let folder = options.cache.appending("locks")
    try Folder.make(folder, mode: 0o700)
    return try await FileLock.wait(for: folder.appending(String(request.hex.prefix(32)))) {
      runner.tell(.waiting(for: "another build of \(recipe.name)"))
    }
  }

  private func keep(_ work: WorkFolder) throws {
    let kept = options.cache.appending("kept")
    try Folder.make(kept, mode: 0o700)
    let path = kept.appending(work.path.lastComponent?.string ?? "build")
    try AtomicFile.publish(work.path, as: path)
    runner.tell(.warning("what is left of the build is in \(path)"))
  }

  /// The appliance, with the accelerator that works here.
  func appliance() async throws -> Appliance {
    let accelerator = try await Accelerator.probe(cache: Accelerator.memory(inCache: options.cache))
    return try await Appliance.prepare(cache: options.cache, usesKVM: accelerator == .kvm)
  }
}
