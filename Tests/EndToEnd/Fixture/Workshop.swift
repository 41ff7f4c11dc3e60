import Foundation
import Host
import SystemPackage

/// A folder of a test's own with recipes, overlays and artifacts in it, which goes when the test ends.
struct Workshop: Sendable {
  let folder: FilePath
  let cpbuild: CPBuild

  /// Where the recipes and overlays that the test writes lie.
  var recipes: FilePath { folder.appending("image-recipes") }
  var overlays: FilePath { folder.appending("overlays") }

  /// Runs `body` with a workshop whose cache is `cache`, or an empty one of its own.
  static func with<Result>(
    cache: FilePath? = nil, _ body: (Workshop) async throws -> Result
  ) async throws -> Result {
    try await Leftovers.sweep("cpbuild-e2e")
    let folder = try Folder.makeTemporary(Leftovers.prefix("cpbuild-e2e"))
    defer { try? Folder.remove(folder) }
    let cpbuild = CPBuild(cache: cache ?? folder.appending("cache"), out: folder.appending("out"))
    return try await body(Workshop(folder: folder, cpbuild: cpbuild))
  }

  /// Writes a thin recipe, and hands back its path.
  ///
  /// - Parameter base: a mapping in YAML's flow style, such as `{ bootstrap: host }`.
  func recipe(
    _ name: String = "thin", base: String, packages: [String] = [], overlays: [String] = [], more: String = ""
  ) throws -> String {
    let path = recipes.appending("\(name).yaml")
    try write(
      """
      base: \(base)
      packages: [\(packages.joined(separator: ", "))]
      overlays: [\(overlays.joined(separator: ", "))]
      omit: [docs, man, locales]
      \(more)

      """, to: path)
    return path.string
  }

  /// Writes an overlay with one file, `/etc/thin.conf`.
  func thinOverlay(content: String = "one\n", mode: String = "0644") throws {
    try write(content, to: overlays.appending("thin").appending("etc").appending("thin.conf"))
    try write("files:\n  /etc/thin.conf: { mode: \"\(mode)\" }\n", to: overlays.appending("thin.yaml"))
  }

  func write(_ text: String, to path: FilePath) throws {
    try Folder.make(path.removingLastComponent())
    try Data(text.utf8).write(to: URL(filePath: path.string))
  }
}
