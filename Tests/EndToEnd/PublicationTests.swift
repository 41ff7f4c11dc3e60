import Foundation
import Host
import SystemPackage
import Testing

extension Machines {
  /// What a build leaves in the folder for artifacts, and what the other commands make of it. The image is the shared one:
  /// tests that change something change a copy.
  @Suite struct PublicationTests {
    /// What `image verify --json` prints.
    private struct Report: Decodable {
      struct Drift: Decodable {
        var kind: String
        var subject: String
      }
      var ok: Bool
      var drift: [Drift]
    }

    /// Runs `body` with a folder for artifacts that holds a copy of the shared image.
    private func withCopy(_ body: (Workshop, BuiltImage) async throws -> Void) async throws {
      let image = try await SharedImage.shared.image
      try await Workshop.with(cache: SharedImage.cache) { workshop in
        let out = workshop.cpbuild.out
        for folder in [out, out.appending("images")] { try Folder.make(folder) }
        // Without what earlier runs on this checkout left beside it.
        try await Command("cp", ["-a", "--", image.folder.string, out.appending("images").string]).run()
        try await Command("cp", ["-a", "--", image.out.appending("vpn_image_id").string, out.string]).run()
        try await body(workshop, BuiltImage(id: image.id, out: workshop.cpbuild.out, run: image.run))
      }
    }

    @Test("an image is published whole: disk, manifest, bill and checksums, and its id for CI")
    func published() async throws {
      let image = try await SharedImage.shared.image
      #expect(image.id.wholeMatch(of: /ami-[0-9a-f]{17}/) != nil)
      #expect(try Folder.names(in: image.folder) == ["SHA256SUMS", "disk.qcow2", "manifest.json", "sbom.spdx.json"])
      #expect(
        try String(contentsOfFile: image.out.appending("vpn_image_id").string, encoding: .utf8) == "\(image.id)\n")
      try await Command("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], folder: image.folder).run()
      try await Command("qemu-img", ["check", "-q", "-f", "qcow2", image.disk.string]).run()

      let manifest = try image.manifest
      #expect(manifest.id == image.id)
      #expect(manifest.disk.virtualSize <= 1 << 30, "m1.tiny has 1 GiB")
      #expect(manifest.disk.size <= 120 << 20)
      #expect(manifest.packages.contains { $0.name == "openvpn" })
      #expect(manifest.enabledUnits.contains("ssh.service"))
      let bill = try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(filePath: image.folder.appending("sbom.spdx.json").string)))
      #expect((bill as? [String: Any])?["spdxVersion"] as? String == "SPDX-2.3")
    }

    @Test("a build of what is there starts nothing, and tells GitHub the id")
    func again() async throws {
      try await withCopy { workshop, image in
        let output = workshop.folder.appending("github")
        try workshop.write("before=1\n", to: output)
        var cpbuild = workshop.cpbuild
        cpbuild.environment["GITHUB_OUTPUT"] = output.string
        let again = try await cpbuild.build("cloudpipe")
        #expect(again.id == image.id)
        #expect(!again.run.stagesDone.contains("appliance"))
        #expect(try String(contentsOfFile: output.string, encoding: .utf8) == "before=1\nvpn_image_id=\(image.id)\n")
      }
    }

    @Test("list, show and plan print documents, and plan changes nothing and knows the id")
    func documents() async throws {
      struct Entry: Decodable {
        var id: String
        var isCurrent: Bool
      }
      struct Plan: Decodable { var image: String? }
      try await withCopy { workshop, image in
        let list = try await workshop.cpbuild.image("list", "--json").json([Entry].self)
        #expect(list.map(\.id) == [image.id])
        #expect(list.allSatisfy { $0.isCurrent })
        let shown = try await workshop.cpbuild.image("show", "--json").json(BuiltImage.Manifest.self)
        let kept = try image.manifest
        #expect(shown.tree.digest == kept.tree.digest)
        let before = try await Command("find", [workshop.cpbuild.out.string, "-printf", "%p %T@ %s\n"]).run()
        let plan = try await workshop.cpbuild.image("plan", "--json").json(Plan.self)
        #expect(plan.image == image.id)
        #expect(try await Command("find", [workshop.cpbuild.out.string, "-printf", "%p %T@ %s\n"]).run() == before)
      }
    }

    @Test("a removed image is gone with its id, and can't be removed again")
    func remove() async throws {
      try await withCopy { workshop, image in
        #expect(try await workshop.cpbuild.image("remove", image.id).status == 0)
        try workshop.expectNoArtifact()
        #expect(try await workshop.cpbuild.image("remove", image.id).status == 2)
        #expect(try await workshop.cpbuild.image("show").status == 2)
      }
    }

    @Test("a damaged image is made anew by a build, and a drift to verify; list and remove know it too")
    func damaged() async throws {
      func drift(_ workshop: Workshop) async throws -> Set<String> {
        let run = try await workshop.cpbuild.image("verify", "--json")
        #expect(run.status == 1)
        return Set(try run.json(Report.self).drift.map { "\($0.kind) \($0.subject)" })
      }
      try await withCopy { workshop, image in
        try await Command("truncate", ["--size=30M", image.disk.string]).run()
        #expect(try await drift(workshop) == ["checksum disk.qcow2", "file disk.qcow2"])
        let again = try await workshop.cpbuild.build("cloudpipe")
        #expect(again.id == image.id && again.run.stderr.contains("is damaged and made anew"))
        #expect(!again.run.stagesDone.contains("appliance"))
        #expect(try await workshop.cpbuild.image("verify").status == 0)

        try Folder.remove(image.disk)
        #expect(try await drift(workshop) == ["checksum disk.qcow2"])
        try workshop.write("", to: image.folder.appending("manifest.json"))
        #expect(try await drift(workshop).isSuperset(of: ["checksum manifest.json", "file manifest.json"]))
        try Folder.remove(image.folder.appending("SHA256SUMS"))
        let list = try await workshop.cpbuild.image("list")
        #expect(list.status == 0 && list.stdout.contains("\(image.id)  damaged"), "\(list.stdout)\(list.stderr)")
        #expect(try await workshop.cpbuild.image("remove", image.id).status == 0)
        #expect(try Folder.names(in: image.folder.removingLastComponent()) == [])
      }
    }

    @Test("a copy of an image under another's id is a drift")
    func renamed() async throws {
      try await withCopy { workshop, image in
        let id = "ami-00000000000000001"
        let other = image.folder.removingLastComponent().appending(id)
        try await Command("mv", [image.folder.string, other.string]).run()
        let run = try await workshop.cpbuild.image("verify", id)
        #expect(run.status == 1 && run.stdout.contains(image.id), "\(run.stdout)\(run.stderr)")
      }
    }

    @Test("prune leaves nothing but the published images, and what it removed is made again")
    func prune() async throws {
      try await withCopy { workshop, image in
        let cache = workshop.folder.appending("small cache")
        for name in ["work/999999999-abc", "kept/x", "stages", "bases", "debs", "apt/key/old", "inspections"] {
          try Folder.make(cache.appending(name))
          try workshop.write("some bytes", to: cache.appending(name).appending("packages-0.deb"))
        }
        try await Command("find", [cache.string, "-exec", "touch", "--date=@1000000", "{}", "+"]).run()
        var cpbuild = workshop.cpbuild
        cpbuild.cache = cache
        #expect(try await cpbuild.image("prune", "--budget", "0").status == 0)
        let left = try await Command("find", [cache.string, "-type", "f", "-not", "-name", "lock"]).run()
        #expect(left == "")
        #expect(try await cpbuild.image("verify").status == 0)
      }
    }

    @Test("a fresh image verifies clean, and every kind of tampering is reported")
    func verify() async throws {
      try await withCopy { workshop, image in
        let clean = try await workshop.cpbuild.image("verify", "--json")
        #expect(clean.status == 0, "\(clean.stdout)\(clean.stderr)")
        #expect(try clean.json(Report.self).ok)

        let disk = try await RootDisk.unpack(image, in: workshop.folder)
        try workshop.write("changed\n", to: workshop.folder.appending("new"))
        try await disk.edit([
          "set_inode_field /etc/rc.local mode 0100600", "set_inode_field /etc/network/interfaces uid 33",
          "rm /etc/openvpn/up.sh", "write \(workshop.folder)/new /etc/planted",
          "rm /etc/openvpn/down.sh", "write \(workshop.folder)/new /etc/openvpn/down.sh",
          "write \(workshop.folder)/new /etc/ssh/ssh_host_rsa_key",
        ])
        try await disk.pack(into: image.disk)

        let run = try await workshop.cpbuild.image("verify", "--json")
        #expect(run.status == 1)
        let report = try run.json(Report.self)
        #expect(!report.ok)
        let found = Set(report.drift.map { "\($0.kind) \($0.subject)" })
        let expected: Set = [
          "checksum disk.qcow2", "mode /etc/rc.local", "owner /etc/network/interfaces", "file /etc/openvpn/up.sh",
          "file /etc/planted", "content /etc/openvpn/down.sh", "leftover /etc/ssh/ssh_host_rsa_key", "check cloudpipe",
        ]
        #expect(expected.subtracting(found).isEmpty, "missing: \(expected.subtracting(found)), found: \(found)")
      }
    }
  }
}
