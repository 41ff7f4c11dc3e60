import Foundation
import HTTPDouble
import Host
import SystemPackage
import Testing

extension Machines {
  /// The recipes that start from a publisher's cloud image. A web server on this machine plays the publisher, and has an
  /// image that is laid out as the real one.
  @Suite("A recipe that starts from a published cloud image")
  struct PublishedRecipeTests {
    /// The publisher, and the shipped recipe with nothing but the publisher's address changed.
    private struct Stage {
      let server: HTTPTestServer
      let workshop: Workshop
      let recipe: String
      /// Where the server takes its files from.
      let site: FilePath
      let file: String
      let digest: Digest

      func build(_ arguments: String...) async throws -> CPBuild.Run {
        try await workshop.cpbuild.run(["image", "build", "--verbose", recipe] + arguments)
      }

      /// What the cache has of the image.
      func kept() throws -> [String] {
        try Folder.names(in: workshop.cpbuild.cache.appending("bases")).filter { $0.hasPrefix("sha") }
      }
    }

    private func with(_ publisher: CloudImage.Publisher, _ body: (Stage) async throws -> Void) async throws {
      try await Workshop.withClonedCache { workshop in
        let shipped = CPBuild.sourceTree.appending("image-recipes").appending("\(publisher.recipe).yaml")
        let text = try String(contentsOfFile: shipped.string, encoding: .utf8)
        let addresses = /\n  url: (https:\/\/[^\/]+)\/\S+\/(\S+)\n  checksums: \S+\/(\S+)\n/
        let url = try #require(text.firstMatch(of: addresses))
        let site = workshop.folder.appending("site")
        try Folder.make(site)
        let file = String(url.2)
        try await CloudImage(publisher: publisher).make(site.appending(file), in: workshop)
        let kind: Digest.Kind = url.3 == "SHA512SUMS" ? .sha512 : .sha256
        let digest = try Digest.ofFile(site.appending(file), kind: kind)
        try workshop.write("\(digest.hex) *\(file)\n", to: site.appending(String(url.3)))
        try await HTTPTestServer.with(folder: site, behaviour: []) { server in
          let moved = workshop.recipes.appending("\(publisher.recipe).yaml")
          let overlay = CPBuild.sourceTree.appending("overlays/cloudpipe")
          try workshop.write(
            text.replacing(url.1, with: "http://127.0.0.1:\(server.port)")
              .replacing("overlays: [cloudpipe]", with: "overlays: [\(overlay)]"), to: moved)
          try await body(
            Stage(
              server: server, workshop: workshop, recipe: moved.string, site: site, file: file, digest: digest))
        }
      }
    }

    @Test(
      "takes nothing but the publisher's own image, goes on where the line broke, and becomes a cloudpipe",
      arguments: CloudImage.Publisher.allCases)
    func built(_ publisher: CloudImage.Publisher) async throws {
      try await with(publisher) { stage in
        try await expectRefusals(stage)

        // The line breaks once in the middle; the rest is asked for, and the whole is what was published.
        try stage.server.behave(["cut=9000000", "once"])
        let run = try await stage.build()
        try #require(run.status == 0, "\(run.stderr)")
        // How much of what was sent before the break arrived is luck.
        let requests = try stage.server.requests()
        let rest = requests.filter { $0.contains("\(stage.file) range=bytes=") && !$0.hasSuffix("=bytes=0-") }
        #expect(rest.count == 1, "\(requests)\n\(run.stderr)")
        let kept = try stage.kept()
        #expect(kept.count == 1 && kept[0].hasSuffix(stage.digest.hex))
        let image = BuiltImage(id: run.answer, out: stage.workshop.cpbuild.out, run: run)
        try await expectCloudpipe(image, stage, publisher)

        // With the publisher gone, the same again from the cache.
        await stage.server.stop()
        try Folder.remove(stage.workshop.cpbuild.out)
        let again = try await stage.build("--offline")
        #expect(again.status == 0 && again.answer == image.id, "\(again.stderr)")
        if publisher == .ubuntu2404 { try await expectBoot(image) }
      }
    }

    /// Nothing that isn't the publisher's image gets into the cache.
    private func expectRefusals(_ stage: Stage) async throws {
      let offline = try await stage.build("--offline")
      #expect(offline.status != 0 && offline.stderr.contains("offline"), "\(offline.stderr)")

      let whole = try Data(contentsOf: URL(filePath: stage.site.appending(stage.file).string))
      let path = URL(filePath: stage.site.appending(stage.file).string)
      // Cut short at its source, so that no second try helps; and as long as it should be, with one bit turned.
      for spoiled in [whole.prefix(whole.count / 2), whole.prefix(whole.count - 1) + [~(whole.last ?? 0)]] {
        try spoiled.write(to: path)
        let run = try await stage.build()
        #expect(run.status == 1)
        #expect(run.stderr.contains(stage.digest.hex), "it doesn't say what was expected: \(run.stderr)")
        #expect(try stage.kept().isEmpty)
      }
      try whole.write(to: path)
      let published = try #require(try Folder.names(in: stage.site).first { $0.hasSuffix("SUMS") })
      let sums = try Data(contentsOf: URL(filePath: stage.site.appending(published).string))
      try Folder.remove(stage.site.appending(published))
      let unlisted = try await stage.build()
      #expect(unlisted.status == 1 && unlisted.stderr.contains(published), "\(unlisted.stderr)")
      try sums.write(to: URL(filePath: stage.site.appending(published).string))
      try stage.workshop.expectNoArtifact()
    }

    private func expectCloudpipe(
      _ image: BuiltImage, _ stage: Stage, _ publisher: CloudImage.Publisher
    ) async throws {
      let manifest = try image.manifest
      #expect(manifest.recipe == publisher.recipe)
      #expect(manifest.disk.virtualSize <= 1 << 30)
      let verified = try await stage.workshop.cpbuild.image("verify")
      #expect(verified.status == 0, "\(verified.stdout)")
      let paths = Set(manifest.files.map(\.path))
      #expect(!paths.contains("/etc/netplan/50-cloud-init.yaml"), "netplan would take the card away from br0")
      #expect(paths.contains("/etc/cloud/cloud-init.disabled"))
      #expect(!manifest.enabledUnits.contains("systemd-networkd.service"))
    }

    /// As a cloud boots it, on a card that isn't called eth0.
    private func expectBoot(_ image: BuiltImage) async throws {
      let project = try BootProject()
      try await BootCloud.with(project) { cloud in
        let machine = BootMachine(cloud: cloud, disk: image.disk, way: .bootloader, name: "published")
        try await machine.running {
          try await machine.waits(for: "cloudpipe: OpenVPN is up: bridged, port 1194/udp")
          try await machine.waits(for: "cloudpipe: rc.local done")
          #expect(cloud.leases == [BootCloud.hardwareAddress: BootCloud.address])
        }
      }
    }
  }
}
