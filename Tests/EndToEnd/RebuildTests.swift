import Foundation
import Host
import SystemPackage
import Testing

extension Machines {
  /// The same inputs, once more: without the network, at the same time, and with one of them changed.
  @Suite struct RebuildTests {
    struct Plan: Decodable {
      struct Base: Decodable { var digest: String }
      var image: String?
      var base: Base
    }

    @Test("a rebuild without any network gives the same id and the same tree, and verifies clean")
    func offline() async throws {
      let first = try await ThinImage.shared.result
      try await Workshop.withClonedCache { workshop in
        let recipe = try ThinImage.recipe(in: workshop)
        // A network namespace of its own without an interface: what isn't in the cache can't come from anywhere.
        let again = try await workshop.cpbuild.build(recipe, "--offline", prefix: ["unshare", "--net"])
        #expect(again.run.stagesDone.contains("packages"), "it was built and not found")
        #expect(again.id == first.id)
        let manifest = try again.manifest
        #expect(manifest.tree.digest == first.treeDigest)
        let verified = try await workshop.cpbuild.image("verify")
        #expect(verified.status == 0, "\(verified.stdout)")
      }
    }

    @Test("--offline with an empty cache says what is missing and what to do")
    func offlineWithoutCache() async throws {
      try await Workshop.with { workshop in
        let run = try await workshop.cpbuild.image(
          try ThinImage.recipe(in: workshop), "--offline", prefix: ["unshare", "--net"])
        #expect(run.status == 4)
        #expect(run.stderr.contains("offline"), "\(run.stderr)")
        try workshop.expectNoArtifact()
      }
    }

    @Test("a byte, a mode and the epoch are each in the id, and nothing else is")
    func inputs() async throws {
      let first = try await ThinImage.shared.result
      try await Workshop.with(cache: SharedImage.cache) { workshop in
        func plan(_ content: String, _ mode: String, epoch: String? = nil) async throws -> Plan {
          var cpbuild = workshop.cpbuild
          if let epoch { cpbuild.environment["SOURCE_DATE_EPOCH"] = epoch }
          let recipe = try ThinImage.recipe(in: workshop, content: content, mode: mode)
          return try await cpbuild.image("plan", "--json", recipe).json(Plan.self)
        }
        let same = try await plan("one\n", "0644")
        #expect(same.image == first.id)
        let changed = [try await plan("onf\n", "0644").image, try await plan("one\n", "0600").image]
        #expect(Set(changed + [first.id]).count == 3, "\(changed)")
        #expect(!changed.contains(nil))
        // Another epoch makes another base, on which nothing was looked into yet.
        let later = try await plan("one\n", "0644", epoch: "1700000000")
        #expect(later.base.digest != same.base.digest)
        #expect(later.image == nil)
      }
    }

    @Test("of two builds of one recipe at once, one builds and the other waits and takes its result")
    func twoAtOnce() async throws {
      try await Workshop.withClonedCache { workshop in
        let recipe = try ThinImage.recipe(in: workshop, content: "two\n")
        var second = workshop.cpbuild
        second.out = workshop.folder.appending("out2")
        async let left = workshop.cpbuild.build(recipe)
        async let right = second.build(recipe)
        let images = try await [left, right]
        #expect(images[0].id == images[1].id)
        #expect(images.count { $0.run.stagesDone.contains("appliance") } == 1, "one appliance ran")
        let waiting = images.filter { !$0.run.stagesDone.contains("appliance") }
        #expect(waiting.allSatisfy { $0.run.stderr.contains("waiting for another build") })
        let manifests = try images.map { try $0.manifest }
        #expect(manifests[0].tree.digest == manifests[1].tree.digest)
      }
    }
  }
}
