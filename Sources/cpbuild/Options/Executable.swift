import Foundation
import Glibc
import Host
import SystemPackage

/// This program itself, which is also what it starts as helpers.
enum Executable {
  /// - Throws: `HostError`.
  static func path() throws -> FilePath {
    let link = "/proc/self/exe"
    do {
      return FilePath(try FileManager.default.destinationOfSymbolicLink(atPath: link))
    } catch {
      throw HostError.file(doing: "read the link", path: FilePath(link), errno: ENOENT)
    }
  }
}
