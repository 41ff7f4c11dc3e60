import Host
import SystemPackage

/// Runs `body` with a folder of its own, which goes when it ends, however it ends.
@discardableResult
func withTemporaryFolder<Result>(_ body: (FilePath) async throws -> Result) async throws -> Result {
  let folder = try Folder.makeTemporary("cpbuild-test")
  defer { try? Folder.remove(folder) }
  return try await body(folder)
}
