import Foundation
import Glibc
import Host
import SystemPackage
import Testing

extension Machines {
  /// Builds that are ended in the middle, in every way that there is.
  @Suite struct InterruptionTests {
    /// What stderr says when a stage begins or has ended, in the order of a build. The base is in the cache.
    private static let boundaries = [
      "base: ", "base: done", "appliance: software", "appliance: done", "resolve: done", "packages: ", "packages: done",
      "overlays: ", "overlays: done", "finish: started", "finish: done", "compress: started", "compress: done",
      "list: done", "publish: ami-",
    ]

    @Test("a build that is killed at any boundary leaves nothing behind, and the next one gives the same image")
    func killed() async throws {
      let undisturbed = try await ThinImage.shared.result
      try await Workshop.withClonedCache { workshop in
        let recipe = try ThinImage.recipe(in: workshop)
        for boundary in Self.boundaries {
          let begin = ContinuousClock.now
          let build = try RunningCommand(workshop.cpbuild, [recipe], log: workshop.folder.appending("log"))
          // A stage that an earlier build has kept says so instead, and a machine with KVM another accelerator.
          let said = boundary == "appliance: software" ? "appliance: " : boundary
          try await build.wait(for: said, or: said.prefix { $0 != ":" } + ": cached")
          _ = try await build.end(SIGKILL)
          try await Strays.expectNone(naming: workshop.cpbuild.cache)
          // On a busy machine the build may have come to its publication before the signal did. Then the image may be
          // whole, but never half; and it goes, so that the next build has something to do.
          if build.said.contains("\npublish: ") {
            try workshop.removeWholeImages()
          } else {
            try workshop.expectNoArtifact()
          }
          print("killed at '\(boundary)' after \(ContinuousClock.now - begin)")
        }
        let image = try await workshop.cpbuild.build(recipe)
        #expect(image.id == undisturbed.id)
        let manifest = try image.manifest
        #expect(manifest.tree.digest == undisturbed.treeDigest)
        try await Command("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], folder: image.folder).run()
        let work = try Folder.names(in: workshop.cpbuild.cache.appending("work"))
        #expect(work.isEmpty, "what the killed builds left is swept")
        let images = try Folder.names(in: workshop.cpbuild.out.appending("images"))
        #expect(images == [image.id])
      }
    }

    @Test("a build that is asked to end does so with status 130 and leaves nothing", arguments: [SIGINT, SIGTERM])
    func asked(_ signal: CInt) async throws {
      try await Workshop.withClonedCache { workshop in
        let recipe = try ThinImage.recipe(in: workshop)
        let build = try RunningCommand(workshop.cpbuild, [recipe], log: workshop.folder.appending("log"))
        try await build.wait(for: "packages: ")
        #expect(try await build.end(signal) == 130)
        try await Strays.expectNone(naming: workshop.cpbuild.cache)
        try workshop.expectNoArtifact()
        let work = try Folder.names(in: workshop.cpbuild.cache.appending("work"))
        #expect(work.isEmpty)
      }
    }

    /// Gives the program behind it a filesystem of 8 MiB at a folder, and says afterwards what is in there.
    private static func onSmallDisk(_ folder: FilePath) -> [String] {
      let script = """
        mkdir -p "$0" && mount -t tmpfs -o size=8m none "$0" || exit 99
        "$@"; status=$?; find "$0" -type f -size +0 >&2; exit $status
        """
      return ["unshare", "--mount", "sh", "-c", script, folder.string]
    }

    @Test("a full disk under the artifacts is said clearly, and nothing half-made is left there")
    func fullOut() async throws {
      _ = try await SharedImage.shared.image
      try await Workshop.with(cache: SharedImage.cache) { workshop in
        let run = try await workshop.cpbuild.image(
          "cloudpipe", "--quiet", prefix: Self.onSmallDisk(workshop.cpbuild.out))
        #expect(run.status != 0 && run.status != 99)
        #expect(run.stderr.contains("No space left on device"), "\(run.stderr)")
        #expect(!run.stderr.contains("disk.qcow2\n"), "a half-made image: \(run.stderr)")
      }
    }

    @Test("a full disk under the cache is said clearly")
    func fullCache() async throws {
      let base = try await SharedImage.shared.base
      try await Workshop.with { workshop in
        let recipe = try workshop.recipe(base: "{ path: \(base) }")
        let run = try await workshop.cpbuild.image(recipe, "--quiet", prefix: Self.onSmallDisk(workshop.cpbuild.cache))
        #expect(run.status != 0 && run.status != 99)
        #expect(run.stderr.contains("No space left") || run.stderr.contains("MiB are needed"), "\(run.stderr)")
        try workshop.expectNoArtifact()
      }
    }
  }
}

extension Workshop {
  /// Removes each image that has its name, which has to be whole then, from the artifacts and from the cache.
  fileprivate func removeWholeImages() throws {
    for images in [cpbuild.out, cpbuild.cache].map({ $0.appending("images") }) {
      for name in try Folder.names(in: images) where !name.hasPrefix(".") {
        let files = try Folder.names(in: images.appending(name))
        #expect(files == ["SHA256SUMS", "disk.qcow2", "manifest.json", "sbom.spdx.json"])
        try Folder.remove(images.appending(name))
      }
    }
    try Folder.remove(cpbuild.out.appending("vpn_image_id"))
  }
}
