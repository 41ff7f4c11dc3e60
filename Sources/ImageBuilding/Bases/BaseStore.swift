import Foundation
import Glibc
import Host
public import SystemPackage

/// Makes bases ready: finds them in the cache, or copies, downloads or bootstraps them into it.
///
/// Any number of processes may use one cache; what one of them makes, the others wait for. A kill at any moment leaves
/// nothing but the beginning of a download, which the next run goes on with.
public struct BaseStore: Sendable {
  /// Bounds of what is taken in.
  public struct Limits: Sendable {
    /// Of a disk, in bytes: 64 GiB.
    public var virtualSize = DiskImageHeader.standardLimit
    /// Of a download, in bytes: 16 GiB.
    public var download: UInt64 = 16 << 30

    public init() {}
  }

  let cache: BaseCache
  let freshness: PackageResolver.Freshness
  let epoch: Int
  let limits: Limits
  let events: @Sendable (BaseEvent) -> Void
  /// How patient downloads are; tests are less so.
  var settings = ResumableDownload.Settings()

  /// - Parameters:
  ///   - cache: an absolute path; made when it is missing.
  ///   - freshness: when package indexes are asked for again. `.offline` keeps downloads off the network too.
  ///   - epoch: the latest time that a file of a bootstrapped base carries, in seconds since 1970.
  public init(
    cache: FilePath, freshness: PackageResolver.Freshness = .daily, epoch: Int, limits: Limits = Limits(),
    events: @escaping @Sendable (BaseEvent) -> Void = { _ in }
  ) {
    self.cache = BaseCache(root: cache)
    self.freshness = freshness
    self.epoch = epoch
    self.limits = limits
    self.events = events
  }

  /// Has the base in the cache in the end, checked.
  ///
  /// - Throws: ``BaseError``, ``PackageError``, `HostError`, `CancellationError`.
  public func prepare(_ source: Recipe.Base) async throws -> PreparedBase {
    switch source {
    case .path(let path): try await prepareLocal(path)
    case .url(let url, let checksum): try await prepareRemote(try remote(url, checksum))
    case .bootstrap: try await bootstrap().prepare()
    }
  }

  /// What ``prepare(_:)`` would do, without doing it. It may ask servers for sizes, checksums and package indexes.
  ///
  /// - Throws: as ``prepare(_:)`` does.
  public func plan(_ source: Recipe.Base) async throws -> BasePlan {
    switch source {
    case .path(let path):
      let image = try LocalImage(path, cache: cache, limit: limits.virtualSize)
      let digest = try await image.digest()
      return BasePlan(
        digest: digest, origin: path.string,
        work: cached(cache.path(of: digest)) ?? .copy(bytes: image.file.identity.size))
    case .url(let url, let checksum):
      let image = try remote(url, checksum)
      let digest = try await image.expectation().digest
      if let work = cached(cache.path(of: digest)) {
        return BasePlan(digest: digest, origin: image.address.description, work: work)
      }
      guard !image.isOffline else { throw BaseError.offline(missing: image.address.description) }
      let bytes = try await image.size().map { $0 - min($0, image.download.progress) }
      return BasePlan(
        digest: digest, origin: image.address.description,
        work: .download(url: image.address.description, bytes: bytes))
    case .bootstrap:
      return try await bootstrap().plan()
    }
  }

  /// What `packages` would bring along on a base that isn't there yet; nil where nothing can be said before it is.
  ///
  /// - Throws: as ``prepare(_:)`` does.
  public func additions(_ packages: [PackageName], to source: Recipe.Base) async throws -> [ResolvedPackage]? {
    guard case .bootstrap = source else { return nil }
    return try await bootstrap().additions(packages)
  }

  /// Removes what was used longest ago until what is left fits into `budget` bytes.
  ///
  /// - Parameter sparing: seconds since 1970; what was used since stays.
  /// - Throws: `HostError`.
  func prune(budget: UInt64, sparing: Int = .max) throws { try cache.prune(budget: budget, sparing: sparing) }

  private func cached(_ path: FilePath) -> BasePlan.Work? { cache.has(path) ? .cached(path: path) : nil }

  // MARK: Files

  private func prepareLocal(_ path: FilePath) async throws -> PreparedBase {
    let image = try LocalImage(path, cache: cache, limit: limits.virtualSize)
    if let ready = try ready(image) { return ready }
    // Its digest isn't known before it is copied, so the lock is on the file that is copied.
    let copy = cache.bases.appending("copy-\(image.identityName)")
    return try await cache.locked(copy, waiting: { events(.waiting(origin: path.string)) }) {
      if let ready = try ready(image) { return ready }
      let size = image.file.identity.size
      let digest = try await image.copy(to: cache.aside(copy)) { events(.copying(path: path, bytes: $0, total: size)) }
      return try await adopt(cache.aside(copy), as: cache.path(of: digest), digest, origin: path.string)
    }
  }

  /// The base, if an earlier run took this very file into the cache.
  private func ready(_ image: LocalImage) throws -> PreparedBase? {
    guard let digest = image.knownDigest, cache.has(cache.path(of: digest)) else { return nil }
    return try open(cache.path(of: digest), digest, origin: image.file.path.string)
  }

  private func remote(_ url: String, _ checksum: Recipe.Checksum) throws -> RemoteImage {
    RemoteImage(
      address: try HTTPAddress(url), checksum: checksum, cache: cache, isOffline: freshness == .offline,
      settings: settings, limits: limits, events: events)
  }

  private func prepareRemote(_ image: RemoteImage) async throws -> PreparedBase {
    let expectation = try await image.expectation()
    let digest = expectation.digest
    let origin = image.address.description
    let target = cache.path(of: digest)
    if cache.has(target) { return try open(target, digest, origin: origin) }
    guard !image.isOffline else { throw BaseError.offline(missing: origin) }
    return try await cache.locked(target, waiting: { events(.waiting(origin: origin)) }) {
      if cache.has(target) { return try open(target, digest, origin: origin) }
      return try await adopt(try await image.fetch(expectation), as: target, digest, origin: origin)
    }
  }

  /// Checks a whole file that nobody else can write to, and gives it its name.
  private func adopt(
    _ file: FilePath, as target: FilePath, _ digest: Digest, origin: String
  ) async throws -> PreparedBase {
    do {
      events(.checking(origin: origin))
      let header = try DiskImageHeader.read(try ImageFile(file), limit: limits.virtualSize)
      try await QEMUImageCheck.run(file, header: header)
      try cache.publish(file, as: target)
    } catch let refusal as ImageRefusal {
      try Folder.remove(file)
      throw BaseError.refused(image: origin, refusal)
    } catch {
      try Folder.remove(file)
      throw error
    }
    return try open(target, digest, origin: origin)
  }

  private func open(_ path: FilePath, _ digest: Digest, origin: String) throws -> PreparedBase {
    do {
      let header = try DiskImageHeader.read(try ImageFile(path), limit: limits.virtualSize)
      return PreparedBase(
        path: path, format: header.format, digest: digest, virtualSize: header.virtualSize, origin: origin)
    } catch let refusal as ImageRefusal {
      throw BaseError.refused(image: path.string, refusal)
    }
  }

  // MARK: Bootstrap

  private func bootstrap() async throws -> Bootstrap {
    try await Bootstrap(cache: cache, freshness: freshness, epoch: epoch, events: events)
  }
}
