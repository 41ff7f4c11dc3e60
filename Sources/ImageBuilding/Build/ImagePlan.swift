public import Host

/// What a build would do: everything that is known without doing it.
public struct ImagePlan: Sendable, Encodable {
  public let recipe: String
  public let base: Base
  /// The id that the image would get; nil while the base's content isn't known.
  public let image: ImageID?
  /// The image is published already.
  public let isPublished: Bool
  /// What would be installed on the base; nil where that can't be told before the base is there.
  public let packages: [ResolvedPackage]?
  public let wanted: [String]
  public let overlays: [Overlay]
  public let stages: [Stage]
  /// Bytes that would be downloaded; nil where a server doesn't say how large something is.
  public let download: UInt64?
  /// What the operator should know, a sentence each.
  public let notes: [String]

  public struct Base: Sendable, Encodable {
    public let origin: String
    public let digest: Digest
    public let isCached: Bool
    /// `nothing`, `copy`, `download` or `bootstrap`.
    public let work: String
    /// Bytes that the work moves; nil where a server doesn't say.
    public let size: UInt64?
    /// Of a bootstrap that has to be done.
    public let packages: [ResolvedPackage]?
  }
  public struct Overlay: Sendable, Encodable {
    public let name: String
    public let digest: Digest
    public let files: Int
  }
  public struct Stage: Sendable, Encodable {
    public let name: String
    /// nil while the base's content isn't known.
    public let key: Digest?
    public let isCached: Bool
  }
}

extension ImageBuilder {
  /// Says what ``build(_:)`` would do. Package indexes may be fetched into the cache; nothing else changes.
  ///
  /// - Throws: as ``build(_:)`` does.
  public func plan(_ recipe: Recipe) async throws -> ImagePlan {
    let overlays = try recipe.overlays.map { try Overlay(folder: $0) }
    let base = try await bases.plan(recipe.base)
    let inspection = try await BaseInspection.remembered(base.digest, in: options.cache)
    let resolution: Resolution?
    if let inspection {
      resolution = try await supply.resolver.resolve(
        recipe.packages, for: inspection.packages, freshness: options.freshness)
    } else {
      resolution = nil
    }
    let keys = resolution.map {
      StageKeys(
        base: base.digest, packages: $0.digest, overlays: overlays.map(\.digest), recipe: recipe, epoch: options.epoch)
    }
    let isPublished = keys.map { registry.contains($0.image) } ?? false
    let isFinished = keys.map { finished.contains($0.image) } ?? false
    let packages: [ResolvedPackage]?
    if let resolution {
      packages = resolution.packages
    } else {
      packages = try await bases.additions(recipe.packages, to: recipe.base)
    }
    let missing = packages.map { supply.cache.missing($0).reduce(0) { $0 + $1.size } }
    var notes = resolution?.skippedSources ?? []
    if resolution == nil {
      notes.append("keys and id are made from what the base has installed, so they are known once it was looked into")
    }
    return ImagePlan(
      recipe: recipe.name, base: ImagePlan.Base(base), image: keys?.image, isPublished: isPublished,
      packages: packages, wanted: recipe.packages.map(\.description),
      overlays: overlays.map { .init(name: $0.name, digest: $0.digest, files: $0.entries.count) },
      stages: [
        .init(name: "packages", key: keys?.packages, isCached: isCached("packages", keys?.packages)),
        .init(name: "overlays", key: keys?.overlays, isCached: isCached("overlays", keys?.overlays)),
        .init(name: "finish", key: keys?.finish, isCached: isFinished || isPublished),
      ],
      download: base.download.map { $0 + (isFinished || isPublished ? 0 : missing ?? 0) }, notes: notes)
  }

  private func isCached(_ stage: String, _ key: Digest?) -> Bool { key.map { stages.disk(stage, $0) != nil } ?? false }
}

extension BasePlan {
  /// Bytes that are still to come from the network; nil where a server doesn't say.
  fileprivate var download: UInt64? {
    switch work {
    case .cached, .copy: 0
    case .download(_, let bytes): bytes
    case .bootstrap(_, let bytes): bytes
    }
  }
}

extension ImagePlan.Base {
  fileprivate init(_ plan: BasePlan) {
    origin = plan.origin
    digest = plan.digest
    switch plan.work {
    case .cached: (isCached, work, size, packages) = (true, "nothing", 0, nil)
    case .copy(let bytes): (isCached, work, size, packages) = (false, "copy", bytes, nil)
    case .download(_, let bytes): (isCached, work, size, packages) = (false, "download", bytes, nil)
    case .bootstrap(let list, let bytes): (isCached, work, size, packages) = (false, "bootstrap", bytes, list)
    }
  }
}
