import Foundation
import Host
import SystemPackage

/// A folder of a test's own, gone when the test is over, however it ends.
func withTemporaryFolder<Result>(_ body: (FilePath) async throws -> Result) async throws -> Result {
  let folder = FilePath("/var/tmp/cpbuild-test-\(String(UInt64.random(in: .min ... .max), radix: 36))")
  try Folder.make(folder, mode: 0o700)
  defer { try? Folder.remove(folder) }
  return try await body(folder)
}
