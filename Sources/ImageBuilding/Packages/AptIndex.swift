import Foundation
import Glibc
import Host
import SystemPackage

/// The package index of one set of sources, kept in the cache: `<cache>/apt/<key>/`, the key being a digest of the
/// sources, their keys and the architectures.
///
/// ```
/// etc/             the sources and keys
/// index-<random>/  a whole index: apt's lists, its cache, and the results of earlier resolutions
/// current          which of the folders is the index, its digest, and when it was last checked with the mirrors
/// lock             held by whoever runs apt here
/// run-<random>/    what one run of apt needs
/// ```
/// An index never changes once `current` names it, so a kill at any moment leaves the old one or the new one.
struct AptIndex: Sendable {
  let folder: FilePath
  let guest: GuestPackages

  /// What `current` says.
  struct Current: Codable, Equatable {
    /// The name of the folder.
    let name: String
    /// Of the signed Release files in it, which name everything else by digest.
    let digest: Digest
    /// When the mirrors were last asked, in seconds since 1970.
    let checked: Int
  }

  /// - Throws: ``PackageError/noSources(skipped:)``, ``PackageError/badCacheFolder(_:)``.
  init(cache: FilePath, guest: GuestPackages) throws {
    guard !guest.sources.isEmpty else { throw PackageError.noSources(skipped: guest.skippedSources) }
    let allowed = cache.string.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "/._-+@,=".utf8.contains(byte)
    }
    guard cache.isAbsolute, allowed else { throw PackageError.badCacheFolder(cache) }
    var hasher = Digest.Hasher()
    hasher.update(([guest.nativeArchitecture] + guest.foreignArchitectures).joined(separator: " "))
    for (name, bytes) in AptSettings.sourceFiles(of: guest, folder: "").sorted(by: { $0.key < $1.key }) {
      hasher.update("\n\(name) \(bytes.count)\n")
      hasher.update(bytes)
    }
    folder = cache.appending("apt").appending(String(hasher.finish().hex.prefix(32)))
    self.guest = guest
  }

  private var etc: FilePath { folder.appending("etc") }

  /// The index that is there; nil where there is none.
  var current: Current? { Self.current(in: folder) }

  private static func current(in folder: FilePath) -> Current? {
    guard let data = FileManager.default.contents(atPath: folder.appending("current").string),
      let current = try? JSONDecoder().decode(Current.self, from: data),
      access(folder.appending(current.name).string, F_OK) == 0
    else { return nil }
    return current
  }

  /// The folder of an index.
  func path(of current: Current) -> FilePath { folder.appending(current.name) }

  /// Runs `body` while no other process runs apt here, with the leftovers of killed ones cleared away.
  func locked<Result>(
    events: @Sendable (PackageEvent) -> Void, _ body: () async throws -> Result
  ) async throws -> Result {
    try Folder.make(folder)
    let lock = try await FileLock.wait(for: folder.appending("lock")) { events(.waiting) }
    defer { withExtendedLifetime(lock) {} }
    let kept = current?.name
    for name in try Folder.names(in: folder) where name.hasPrefix("run-") || name.hasPrefix("index-") {
      if name != kept { try Folder.remove(folder.appending(name)) }
    }
    try writeSources()
    return try await body()
  }

  /// Asks the mirrors for what is new. Call it inside ``locked(events:_:)``.
  ///
  /// - Returns: the index from now on: the same as before where nothing is new.
  /// - Throws: ``PackageError``; the index that was there stays then.
  func refresh(now: Date) async throws -> Current {
    let next = Current(
      name: "index-\(String(UInt64.random(in: .min ... .max), radix: 36))", digest: Digest.sha256(""), checked: 0)
    let path = path(of: next)
    let old = current
    do {
      try copyLists(from: old, to: path)
      try await run("apt-get", ["-q", "update"], index: path)
      let checked = Int(now.timeIntervalSince1970)
      let digest = try Self.digest(ofLists: path.appending("lists"))
      if let old, old.digest == digest {
        let same = Current(name: old.name, digest: digest, checked: checked)
        try publish(same)
        try Folder.remove(path)
        return same
      }
      let new = Current(name: next.name, digest: digest, checked: checked)
      try publish(new)
      if let old { try Folder.remove(self.path(of: old)) }
      return new
    } catch {
      try? Folder.remove(path)
      throw error
    }
  }

  /// Runs one of apt's programs in this private world, which has to succeed.
  ///
  /// - Parameters:
  ///   - index: the folder of the index to use.
  ///   - workingFolder: where the program starts.
  /// - Returns: what it wrote to stdout.
  /// - Throws: ``PackageError``.
  @discardableResult
  func run(
    _ program: String, _ arguments: [String], index: FilePath, workingFolder: FilePath? = nil,
    onErrorLine: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> String {
    let run = folder.appending("run-\(String(UInt64.random(in: .min ... .max), radix: 36))")
    try Folder.make(run, mode: 0o711)
    defer { try? Folder.remove(run) }
    for name in ["preferences.d", "archives/partial"] { try Folder.make(run.appending(name)) }
    try Data(guest.status).write(to: URL(filePath: run.appending("status").string))
    for (number, bytes) in guest.preferences.enumerated() {
      let name = String(repeating: "0", count: 3 - min(3, String(number).count)) + "\(number).pref"
      try Data(bytes).write(to: URL(filePath: run.appending("preferences.d").appending(name).string))
    }
    let settings = run.appending("apt.conf")
    try AptSettings.text(for: guest, etc: etc, index: index, run: run, host: try await AptSettings.hostLines())
      .write(toFile: settings.string, atomically: false, encoding: .utf8)
    var command = Command(program, arguments, environment: ["APT_CONFIG": settings.string], folder: workingFolder)
    command.outputLimit = 256 << 20
    let output = try await command.output(onErrorLine: onErrorLine)
    guard output.status == 0 else {
      throw AptComplaint.error(in: output.stdout + "\n" + output.stderrTail, folder: folder)
    }
    return output.stdout
  }

  /// Removes the indexes that no build has asked the mirrors for in a long time.
  ///
  /// - Parameter before: seconds since 1970; what was checked since stays.
  /// - Throws: `HostError`.
  static func prune(cache: FilePath, checkedBefore before: Int) throws {
    let folder = cache.appending("apt")
    for key in try Folder.names(in: folder) {
      let path = folder.appending(key)
      // One that is in use is none to remove.
      guard let lock = try? FileLock.take(path.appending("lock")) else { continue }
      defer { withExtendedLifetime(lock) {} }
      if let current = current(in: path), current.checked >= before { continue }
      // The lock file stays: somebody may be waiting for it.
      for name in try Folder.names(in: path) where name != "lock" { try Folder.remove(path.appending(name)) }
    }
  }

  private func publish(_ current: Current) throws {
    try AtomicFile.write(try JSONEncoder().encode(current), to: folder.appending("current"))
  }

  /// apt replaces lists by renaming, never in place, so links to the old ones are as good as copies: what
  /// hasn't changed isn't fetched again.
  private func copyLists(from old: Current?, to path: FilePath) throws {
    let lists = path.appending("lists")
    try Folder.make(lists.appending("partial"))
    guard let old else { return }
    let oldLists = self.path(of: old).appending("lists")
    for name in try Folder.names(in: oldLists) where name.contains("_") {
      link(oldLists.appending(name).string, lists.appending(name).string)
    }
  }

  private static func digest(ofLists lists: FilePath) throws -> Digest {
    var hasher = Digest.Hasher()
    for name in try Folder.names(in: lists) where name.hasSuffix("Release") {
      hasher.update("\(name) \(try Digest.ofFile(lists.appending(name)))\n")
    }
    return hasher.finish()
  }

  /// The name of `folder` is a digest of these, so they are written once.
  private func writeSources() throws {
    guard access(etc.string, F_OK) != 0 else { return }
    let aside = folder.appending("run-etc")
    for name in ["none.d", "trusted.gpg.d", "keys", "mirrors", "sources.list.d"] {
      try Folder.make(aside.appending(name))
    }
    for (name, bytes) in AptSettings.sourceFiles(of: guest, folder: etc.string) {
      // A source's URI may hold a password; apt's own user doesn't read sources, only keys and mirrors.
      let mode: mode_t = name.hasPrefix("sources") ? 0o600 : 0o644
      try AtomicFile.write(bytes, to: aside.appending(name), mode: mode)
    }
    try AtomicFile.publish(aside, as: etc)
  }
}
