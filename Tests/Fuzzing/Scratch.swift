import Foundation
import Host
public import SystemPackage

/// A folder of its own, in memory where there is one, for the parsers that read from files.
public struct Scratch: Sendable {
  public let path: FilePath

  /// One that is there already.
  public init(path: FilePath) { self.path = path }

  public init() throws {
    let memory = FilePath("/dev/shm")
    let place =
      FileManager.default.isWritableFile(atPath: memory.string)
      ? memory : FilePath(FileManager.default.temporaryDirectory.path)
    path = place.appending("cpbuild-fuzz-\(UUID().uuidString)")
    try Folder.make(path, mode: 0o700)
  }

  public func remove() { try? Folder.remove(path) }
}
