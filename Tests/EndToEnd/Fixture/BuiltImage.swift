import Foundation
import SystemPackage

/// A published image.
struct BuiltImage: Sendable {
  let id: String
  let out: FilePath
  /// The run that built it, or found it.
  let run: CPBuild.Run

  var folder: FilePath { out.appending("images").appending(id) }
  var disk: FilePath { folder.appending("disk.qcow2") }

  /// What the tests read of manifest.json.
  struct Manifest: Decodable, Sendable {
    struct Boot: Decodable, Sendable {
      var kernel: String
      var initramfs: String?
      var root: String
    }
    struct Disk: Decodable, Sendable {
      var sha256: String
      var size: UInt64
      var virtualSize: UInt64
    }
    struct Tree: Decodable, Sendable { var digest: String }
    struct File: Decodable, Sendable {
      var path: String
      var type: String
      var mode: String?
      var target: String?
    }
    struct Package: Decodable, Sendable { var name: String }
    var id: String
    var recipe: String
    var boot: Boot
    var disk: Disk
    var tree: Tree
    var files: [File]
    var packages: [Package]
    var enabledUnits: [String]
  }

  var manifest: Manifest {
    get throws {
      let data = try Data(contentsOf: URL(filePath: folder.appending("manifest.json").string))
      return try JSONDecoder().decode(Manifest.self, from: data)
    }
  }
}
