import Foundation
import Host
import Launching
import OpenStack
import SystemPackage
import Testing

@testable import Clouds

extension OpenStackTests {
  @Suite struct ImageTests {
    /// An image with a disk of that content.
    private func image(_ content: UInt8, in folder: FilePath) throws -> PublishableImage {
      let disk = folder.appending("disk.qcow2")
      try AtomicFile.write(Data(repeating: content, count: 3 << 20), to: disk)
      return PublishableImage(
        id: "ami-0000000000000\(String(content, radix: 16))ff", recipe: "cloudpipe", disk: disk, size: 3 << 20,
        virtualSize: 1 << 30, sha256: try Digest.ofFile(disk).hex, minimumDisk: 1, minimumMemory: 512,
        distribution: "debian", version: "12", architecture: "amd64")
    }

    @Test("an image is uploaded once, checked, listed and retired")
    func wholeLife() async throws {
      try await withFolder { folder in
        let session = try RealCloud.get().session()
        let publication = ImagePublication(session: session)
        let image = try image(17, in: folder)
        let first = try await publication.publish(image)
        let sent = session.traffic.sent
        let second = try await publication.publish(image)
        #expect(!first.existed && second.existed && first.id == second.id)
        #expect(session.traffic.sent - sent < 1000)
        let record = try #require(try await Glance(session: session).image(first.id))
        #expect(record.minDisk == 1 && record.minRam == 512 && record.tags.sorted() == [image.id, "cpbuild"].sorted())
        #expect(record.osHashValue == (try Digest.ofFile(image.disk, kind: .sha512).hex))
        #expect(try await publication.list().contains { $0.id == first.id })
        #expect(try await publication.retire(image.id) == [first.id])
        await #expect(throws: OpenStackError.self) { try await publication.retire(image.id) }
      }
    }

    @Test("an upload that is cut leaves nothing, and the next one begins anew")
    func cutUpload() async throws {
      try await withFolder { folder in
        let image = try image(18, in: folder)
        let session = try RealCloud.get().session()
        try await FaultProxy.with { proxy in
          // Login, list, look, make, upload.
          try proxy.plan(.one(5), "refuse")
          let broken = ImagePublication(session: try proxy.session())
          await #expect(throws: OpenStackError.self) { try await broken.publish(image) }
        }
        let publication = ImagePublication(session: session)
        #expect(try await publication.list().filter { $0.cpbuildImage == image.id }.isEmpty)
        let made = try await publication.publish(image)
        #expect(!made.existed)
        _ = try await publication.retire(image.id)
      }
    }

    @Test("what another project has isn't listed, not even to an administrator, and isn't removed")
    func otherProject() async throws {
      try await withFolder { folder in
        let image = try image(19, in: folder)
        let own = ImagePublication(session: try RealCloud.get().session())
        let made = try await own.publish(image)
        let other = ImagePublication(session: try RealCloud.get().session("admin", project: "admin"))
        #expect(try await !other.list().contains { $0.id == made.id })
        await #expect(throws: OpenStackError.self) { try await other.retire(image.id) }
        #expect(try await own.retire(image.id) == [made.id])
      }
    }

    @Test("another project's image is booted where Glance's id names it, also by a restart, and not by its tag")
    func community() async throws {
      try await withFolder { folder in
        let admin = try RealCloud.get().session("admin", project: "admin")
        let image = try image(21, in: folder)
        let made = try await ImagePublication(session: admin).publish(image)
        var change = APIRequest(.patch, "/v2/images/\(made.id)", doing: "share the image")
        change.body = .json(Data(#"[{"op": "replace", "path": "/visibility", "value": "community"}]"#.utf8))
        change.headers.append(("Content-Type", "application/openstack-images-v2.1-json-patch"))
        _ = try await admin.send(change, to: .image)
        try await LaunchedTenant.with { launched in
          var request = launched.request
          request.image = image.id
          await #expect(throws: OpenStackError.self) { try await launched.launcher().launch(request) }
          request.image = made.id
          #expect(try await launched.launcher().launch(request).imageID == image.id)
          _ = try await launched.launcher().restart(launched.tenant.id)
          try await launched.launcher().terminate(launched.tenant.id)
          let left = try await launched.leftovers()
          #expect(left == [])
        }
        _ = try await ImagePublication(session: admin).retire(image.id)
      }
    }

    @Test("an upload that another machine is at is left alone; one that was begun from this file and left is removed")
    func others() async throws {
      try await withFolder { folder in
        let image = try image(20, in: folder)
        let session = try RealCloud.get().session()
        let glance = Glance(session: session)
        func begun(by publisher: String) async throws -> String {
          let id = UUID().uuidString.lowercased()
          _ = try await glance.make(
            ImageRequest(
              id: id, name: image.id, minDisk: 1, minRam: 512, tags: ["cpbuild", image.id],
              properties: ["cpbuild_image": image.id, "cpbuild_publisher": publisher]))
          return id
        }
        let left = try await begun(by: PublishedFile(image.disk).identity)
        let other = try await begun(by: "another machine")
        let made = try await ImagePublication(session: session).publish(image)
        #expect(!made.existed)
        let found = try await (glance.image(left), glance.image(other))
        #expect(found.0 == nil && found.1 != nil)
        _ = try await ImagePublication(session: session).retire(image.id)
      }
    }

    private func withFolder(_ body: (FilePath) async throws -> Void) async throws {
      let folder = try Folder.makeTemporary("publication")
      defer { try? Folder.remove(folder) }
      try await body(folder)
    }
  }
}
