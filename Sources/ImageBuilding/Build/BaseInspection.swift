import Foundation
import Glibc
import Host
import SystemPackage

/// What a build has to know of a base before it changes anything: the system in it, and what decides on its packages.
struct BaseInspection: Sendable {
  let system: GuestSystem
  let packages: GuestPackages

  private struct Stored: Codable {
    var version = 1
    var system: GuestSystem
    var files: RecordedFiles
  }

  /// What an earlier build noted down of the base with this digest; nil where none did.
  static func remembered(_ base: Digest, in cache: FilePath) async throws -> BaseInspection? {
    guard let data = try? Data(contentsOf: URL(filePath: path(base, cache).string)),
      let stored = try? JSONDecoder().decode(Stored.self, from: data), stored.version == 1
    else { return nil }
    // The last use is what pruning goes by.
    utimensat(AT_FDCWD, path(base, cache).string, nil, 0)
    return BaseInspection(system: stored.system, packages: try await GuestPackages.read(from: stored.files))
  }

  /// Looks into a session's disks, leaves the system mounted, and notes down what was found.
  ///
  /// - Parameter image: what the base is called in errors.
  static func look(
    into session: GuestSession, image: String, base: Digest, remember cache: FilePath?
  ) async throws -> BaseInspection {
    let system = try await GuestInspection(session: session, image: image, architecture: MachineArchitecture.name)
      .find()
    let files = RecordingFiles(session)
    let packages = try await GuestPackages.read(from: files)
    if let cache {
      try Folder.make(cache.appending("inspections"), mode: 0o700)
      let data = try JSONEncoder().encode(Stored(system: system, files: files.recorded))
      try AtomicFile.write(data, to: path(base, cache), mode: 0o600)
    }
    return BaseInspection(system: system, packages: packages)
  }

  /// Forgets what nobody has asked for in a long time.
  ///
  /// - Parameter before: seconds since 1970.
  static func prune(_ cache: FilePath, usedBefore before: Int) throws {
    let folder = cache.appending("inspections")
    for name in try Folder.names(in: folder) {
      var status = stat()
      let path = folder.appending(name)
      if lstat(path.string, &status) == 0, status.st_mtim.tv_sec < before { try Folder.remove(path) }
    }
  }

  private static func path(_ base: Digest, _ cache: FilePath) -> FilePath {
    cache.appending("inspections").appending("\(base.hex).json")
  }
}

/// This machine's architecture, by Debian's name for it.
enum MachineArchitecture {
  static var name: String {
    #if arch(x86_64)
      "amd64"
    #elseif arch(arm64)
      "arm64"
    #else
      "an unknown architecture"
    #endif
  }
}
