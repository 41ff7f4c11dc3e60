import Glibc
import Host
import SystemPackage

/// This machine's own apt settings, read as a guest's are.
struct HostFiles: GuestFiles {
  /// "/", or a folder that stands for it.
  var root: FilePath = "/"
  /// Of the system that is to be.
  let architecture: String

  func read(_ path: FilePath, limit: Int) async throws -> [UInt8]? {
    // The new system has nothing installed but its architecture.
    if path == "/var/lib/dpkg/status" {
      return Array("Package: dpkg\nStatus: install ok installed\nVersion: 0\nArchitecture: \(architecture)\n".utf8)
    }
    if path == "/var/lib/dpkg/arch" || path == "/var/lib/apt/extended_states" { return nil }
    let place = root.appending(path.string)
    guard access(place.string, F_OK) == 0 else { return nil }
    let file = try ImageFile(place)
    guard file.identity.size <= UInt64(limit) else { throw PackageError.tooMuch(path: path.string, limit: limit) }
    return try file.read(at: 0, count: limit)
  }

  func names(in folder: FilePath) async throws -> [String] {
    try Folder.names(in: root.appending(folder.string))
  }
}
