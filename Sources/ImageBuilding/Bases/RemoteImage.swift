import AsyncHTTPClient
import Foundation
import Host
import NIOHTTP1
import SystemPackage

/// A base that a publisher offers for download.
struct RemoteImage {
  let address: HTTPAddress
  let checksum: Recipe.Checksum
  let cache: BaseCache
  let isOffline: Bool
  let settings: ResumableDownload.Settings
  let limits: BaseStore.Limits
  let events: @Sendable (BaseEvent) -> Void

  /// What the file should be, and the list that says so where there is one.
  struct Expectation {
    let digest: Digest
    /// The text of the list and where to keep it once the file has proven it right.
    var list: (text: String, keep: FilePath)?
  }

  var download: ResumableDownload {
    ResumableDownload(
      address: address, folder: cache.downloads, limit: limits.download, settings: settings, events: events)
  }

  /// The checksum that the publisher announces for the file.
  ///
  /// Offline, and when the publisher can't be reached, it is what the list said when it was last right.
  ///
  /// - Throws: ``BaseError``, `HostError`, `CancellationError`.
  func expectation() async throws -> Expectation {
    guard case .sums(let text) = checksum else {
      guard case .digest(let digest) = checksum else {
        throw BaseError.badURL(address.description, reason: "no checksum")
      }
      return Expectation(digest: digest)
    }
    let sums = try HTTPAddress(text)
    let keep = cache.sums.appending(Digest.sha256(sums.url.absoluteString).hex)
    let kept = try? String(contentsOfFile: keep.string, encoding: .utf8)
    if isOffline {
      guard let kept else { throw BaseError.offline(missing: sums.description) }
      return Expectation(digest: try find(in: kept, sums))
    }
    do {
      let fetched = try await PublishedSums.fetch(sums, patience: settings.patience)
      return Expectation(digest: try find(in: fetched, sums), list: fetched == kept ? nil : (fetched, keep))
    } catch let error where !(error is BaseError || error is CancellationError) {
      let reason = HTTPExchange.reason(error)
      guard let kept else { throw BaseError.transfer(url: sums.description, reason: reason) }
      events(.note("\(sums) can't be fetched (\(reason)); the checksum that held last is used"))
      return Expectation(digest: try find(in: kept, sums))
    }
  }

  private func find(in text: String, _ sums: HTTPAddress) throws(BaseError) -> Digest {
    let digests = PublishedSums(text).digests
    guard !digests.isEmpty else { throw .badSums(url: sums.description, reason: "it has no line with a checksum") }
    guard let digest = digests[address.fileName] else {
      throw .notListed(file: address.fileName, sums: sums.description)
    }
    return digest
  }

  /// How large the file is, by its server; nil where it doesn't say.
  func size() async throws -> UInt64? {
    do {
      return try await HTTPExchange(address: address, method: .HEAD, patience: settings.patience).run { response in
        guard response.status.code == 200 else {
          // Not every server knows HEAD.
          if response.status.code == 405 || response.status.code == 501 { return nil }
          throw BaseError.http(url: address.description, status: Int(response.status.code))
        }
        return response.headers.first(name: "Content-Length").flatMap { UInt64($0) }
      }
    } catch let error where !(error is BaseError || error is CancellationError) {
      throw BaseError.transfer(url: address.description, reason: HTTPExchange.reason(error))
    }
  }

  /// Fetches the file and proves that it is the right one.
  ///
  /// - Returns: where it is; the caller takes it away.
  /// - Throws: ``BaseError``, `HostError`, `CancellationError`.
  func fetch(_ expectation: Expectation) async throws -> FilePath {
    try Folder.make(cache.downloads, mode: 0o700)
    // Two URLs may lead to one file, and two recipes expect different ones from one URL.
    let download = download
    let partial = download.partial
    let lock = try await FileLock.wait(for: FilePath(partial.string + ".lock")) {
      events(.waiting(origin: address.description))
    }
    defer { withExtendedLifetime(lock) {} }
    try await download.run()
    events(.checking(origin: address.description))
    let kind: Digest.Kind = expectation.digest.bytes.count == 64 ? .sha512 : .sha256
    let got = try await BlockingThread.run { checkCancellation in
      try ImageFile(partial).digest(kind: kind, checkCancellation: checkCancellation)
    }
    guard got == expectation.digest else {
      let start = try? ImageFile(partial).read(at: 0, count: ForeignFormat.length)
      download.discard()
      throw BaseError.wrongChecksum(
        url: address.description, expected: expectation.digest, got: got,
        looksLike: start.flatMap { ForeignFormat.of($0)?.name })
    }
    if let list = expectation.list {
      try Folder.make(cache.sums, mode: 0o700)
      try AtomicFile.write(list.text, to: list.keep, mode: 0o600)
    }
    let target = cache.aside(cache.path(of: expectation.digest))
    try AtomicFile.publish(partial, as: target)
    download.discard()
    return target
  }
}
