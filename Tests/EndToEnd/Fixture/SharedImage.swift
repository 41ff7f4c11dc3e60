import Host
import SystemPackage
import Testing

/// The image of the default recipe, bootstrapped and built once for all tests of this process.
///
/// Its cache stays in `.build/end-to-end/cache`, so that the next run on the same checkout takes it from there; what is
/// in it is found by content, so that it can't be stale.
actor SharedImage {
  static let shared = SharedImage()
  static let folder = CPBuild.sourceTree.appending(".build").appending("end-to-end")
  static let cache = folder.appending("cache")

  private var building: Task<BuiltImage, any Error>?

  /// The finished image; whoever comes first builds it, and the others wait.
  var image: BuiltImage {
    get async throws {
      let task =
        building
        ?? Task {
          try Folder.make(Self.cache, mode: 0o700)
          return try await CPBuild(cache: Self.cache, out: Self.folder.appending("out")).build("cloudpipe")
        }
      building = task
      return try await task.value
    }
  }

  /// The base that it was built from: a small Debian or Ubuntu on a partitioned qcow2, which tests copy and never change.
  var base: FilePath {
    get async throws {
      _ = try await image
      let bases = Self.cache.appending("bases")
      let names = try Folder.names(in: bases).filter { $0.hasPrefix("bootstrap-") }
      // An earlier day's may lie beside it: the one that was used last is this run's.
      let newest = try await names.asyncMap { name in
        (name, try await Command("stat", ["--format=%Y", bases.appending(name).string]).run())
      }.max { $0.1 < $1.1 }
      return bases.appending(try #require(newest?.0, "no bootstrapped base in \(bases)"))
    }
  }
}

extension Array {
  fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await transform(element)) }
    return values
  }
}
