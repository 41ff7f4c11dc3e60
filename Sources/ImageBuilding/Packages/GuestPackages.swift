public import SystemPackage

/// Reads files of a guest, following its symbolic links inside it and nowhere else.
public protocol GuestFiles: Sendable {
  /// The bytes of a file; nil where there is none.
  ///
  /// - Throws: ``PackageError/tooMuch(path:limit:)`` where it is bigger than `limit` bytes.
  func read(_ path: FilePath, limit: Int) async throws -> [UInt8]?
  /// The names in a folder, in any order; empty where there is none.
  func names(in folder: FilePath) async throws -> [String]
}

/// All that decides which packages a guest gets: what it has installed, and where its packages come from.
///
/// The guest isn't trusted. Of its apt settings only sources, keys and pins are read, never `apt.conf`, which
/// could name commands to run. Nothing of it is used as a path on this machine.
public struct GuestPackages: Equatable, Sendable {
  /// dpkg's status file.
  public var status: [UInt8]
  public var nativeArchitecture: String
  public var foreignArchitectures: [String]
  /// Every source that can be used, its mirror lists resolved.
  public var sources: [AptSource]
  /// Those that can't, with the reason, one sentence each.
  public var skippedSources: [String]
  /// apt_preferences(5), in the order of their names.
  public var preferences: [[UInt8]]
  /// The keys that may sign any source without Signed-By.
  public var trustedKeys: [[UInt8]]
  /// The key files that sources name.
  public var keyrings: [FilePath: [UInt8]]
  /// apt's note of which packages were installed only because others need them.
  public var extendedStates: [UInt8]
  public var release: OSRelease

  /// Bounds of what is read, far above what any real system has.
  enum Limit {
    static let status = 64 << 20
    static let file = 4 << 20
    static let files = 256
  }

  /// Reads them from a guest.
  ///
  /// - Throws: ``PackageError/badStatus(reason:)``, ``PackageError/tooMuch(path:limit:)``, and what `files` throws.
  public static func read(from files: some GuestFiles) async throws -> GuestPackages {
    guard let status = try await files.read("/var/lib/dpkg/status", limit: Limit.status) else {
      throw PackageError.badStatus(reason: "there is none")
    }
    let native = try DpkgStatus(status).nativeArchitecture
    let architectures = try await files.read("/var/lib/dpkg/arch", limit: Limit.file) ?? []
    var guest = GuestPackages(
      status: status, nativeArchitecture: native,
      foreignArchitectures: String(decoding: architectures, as: UTF8.self).split(whereSeparator: \.isNewline)
        .map(String.init).filter { $0.isArchitecture && $0 != native },
      sources: [], skippedSources: [], preferences: [], trustedKeys: [], keyrings: [:],
      extendedStates: try await files.read("/var/lib/apt/extended_states", limit: Limit.status) ?? [],
      release: OSRelease(try await files.read("/etc/os-release", limit: Limit.file) ?? []))
    try await guest.readSources(from: files)
    try await guest.readPreferences(from: files)
    if guest.sources.contains(where: \.needsTrustedKeys) { try await guest.readTrustedKeys(from: files) }
    return guest
  }

  private mutating func readSources(from files: some GuestFiles) async throws {
    var list = AptSourceParser.oneLine(
      try await files.read("/etc/apt/sources.list", limit: Limit.file) ?? [], file: "/etc/apt/sources.list",
      architecture: nativeArchitecture)
    let folder: FilePath = "/etc/apt/sources.list.d"
    for name in try await Self.configurationNames(in: folder, of: files, endings: ["list", "sources"]) {
      let path = folder.appending(name)
      let bytes = try await files.read(path, limit: Limit.file) ?? []
      let parse = name.hasSuffix(".list") ? AptSourceParser.oneLine : AptSourceParser.deb822
      let more = parse(bytes, path.string, nativeArchitecture)
      list.sources += more.sources
      list.skipped += more.skipped
    }
    skippedSources = list.skipped
    for source in list.sources {
      do {
        sources.append(try await resolved(source, from: files))
      } catch let error as UnusableSource {
        skippedSources.append("\(source.origin): \(error.reason)")
      }
    }
  }

  /// `source` with its mirror list and its keys read.
  private mutating func resolved(_ source: AptSource, from files: some GuestFiles) async throws -> AptSource {
    var source = source
    if case .mirrorList(let path) = source.location {
      let mirrors = AptSourceParser.mirrors(try await files.read(path, limit: Limit.file) ?? [])
      guard let first = mirrors.first else { throw UnusableSource(reason: "\(path) lists no http or https mirror") }
      source.location = mirrors.count == 1 ? .uri(first) : .mirrors(mirrors)
    }
    if case .files(let paths) = source.signedBy {
      for path in paths where keyrings[path] == nil {
        guard let key = try await files.read(path, limit: Limit.file) else {
          throw UnusableSource(reason: "its key \(path) isn't in the image")
        }
        keyrings[path] = key
      }
    }
    return source
  }

  private mutating func readPreferences(from files: some GuestFiles) async throws {
    if let bytes = try await files.read("/etc/apt/preferences", limit: Limit.file) { preferences.append(bytes) }
    let folder: FilePath = "/etc/apt/preferences.d"
    // Files without any ending count too (apt_preferences(5)).
    for name in try await Self.configurationNames(in: folder, of: files, endings: ["pref", nil]) {
      if let bytes = try await files.read(folder.appending(name), limit: Limit.file) { preferences.append(bytes) }
    }
  }

  private mutating func readTrustedKeys(from files: some GuestFiles) async throws {
    if let bytes = try await files.read("/etc/apt/trusted.gpg", limit: Limit.file) { trustedKeys.append(bytes) }
    let folder: FilePath = "/etc/apt/trusted.gpg.d"
    for name in try await Self.configurationNames(in: folder, of: files, endings: ["gpg", "asc"]) {
      if let bytes = try await files.read(folder.appending(name), limit: Limit.file) { trustedKeys.append(bytes) }
    }
  }

  /// The names in `folder` that apt would read there: letters, digits, '_', '-' and '.', one of the endings, sorted.
  private static func configurationNames(
    in folder: FilePath, of files: some GuestFiles, endings: [String?]
  ) async throws -> [String] {
    let names = try await files.names(in: folder).filter { name in
      name.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || "_-.".utf8.contains(byte)
      } && !name.hasPrefix(".") && endings.contains(FilePath.Component(name)?.extension)
    }
    guard names.count <= Limit.files else { throw PackageError.tooMuch(path: folder.string, limit: Limit.files) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

extension AptSource {
  fileprivate var needsTrustedKeys: Bool {
    switch signedBy {
    case .trustedKeys, .fingerprints: true
    case .files, .embedded: false
    }
  }
}
