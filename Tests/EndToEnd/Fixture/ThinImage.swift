import Host
import SystemPackage
import Testing

/// The image of a recipe that adds one package and one file to the bootstrapped base: built once, undisturbed and from
/// nothing but the base and the packages, and what the builds of other tests are held against.
actor ThinImage {
  static let shared = ThinImage()
  private var building: Task<Result, any Error>?

  struct Result: Sendable {
    let id: String
    let treeDigest: String
  }

  /// Writes the recipe into a workshop, and hands back its path.
  static func recipe(in workshop: Workshop, content: String = "one\n", mode: String = "0644") throws -> String {
    try workshop.thinOverlay(content: content, mode: mode)
    return try workshop.recipe(base: "{ bootstrap: host }", packages: ["unzip"], overlays: ["thin"])
  }

  var result: Result {
    get async throws {
      let task =
        building
        ?? Task {
          try await Workshop.withClonedCache { workshop in
            let image = try await workshop.cpbuild.build(try Self.recipe(in: workshop))
            try #require(image.run.stagesDone.contains("packages"), "the undisturbed build took a stage from a cache")
            return Result(id: image.id, treeDigest: try image.manifest.tree.digest)
          }
        }
      building = task
      return try await task.value
    }
  }
}

extension Workshop {
  /// Runs `body` with a cache that has the shared one's bases, packages and appliance, and no stage of any build.
  static func withClonedCache<Result>(_ body: (Workshop) async throws -> Result) async throws -> Result {
    _ = try await SharedImage.shared.base
    return try await with { workshop in
      let cache = workshop.cpbuild.cache
      try Folder.make(cache, mode: 0o700)
      for name in ["accelerator.json", "appliance", "apt", "bases", "debs", "digests", "inspections"] {
        let source = SharedImage.cache.appending(name)
        guard try Folder.names(in: SharedImage.cache).contains(name) else { continue }
        try await Command("cp", ["-a", "--reflink=auto", "--sparse=always", source.string, cache.string]).run()
      }
      return try await body(workshop)
    }
  }
}
