import ImageBuilding
import Synchronization
import SystemPackage

/// The files of a guest, in memory.
struct FakeGuest: GuestFiles {
  var files: [FilePath: [UInt8]]

  init(_ files: [FilePath: String]) { self.files = files.mapValues { Array($0.utf8) } }

  func read(_ path: FilePath, limit: Int) async throws -> [UInt8]? {
    guard let bytes = files[path] else { return nil }
    guard bytes.count <= limit else { throw PackageError.tooMuch(path: path.string, limit: limit) }
    return bytes
  }

  func names(in folder: FilePath) async throws -> [String] {
    files.keys.filter { $0.removingLastComponent() == folder }.compactMap { $0.lastComponent?.string }
  }
}

/// What a server was asked for, or what a resolver said.
final class RequestLog: Sendable {
  private let lines = Mutex<[String]>([])
  func add(_ line: String) { lines.withLock { $0.append(line) } }
  func count(_ part: String) -> Int { lines.withLock { $0.count { $0.contains(part) } } }
  var all: [String] { lines.withLock { $0 } }
}
