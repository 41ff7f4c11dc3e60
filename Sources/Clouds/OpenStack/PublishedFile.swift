import Foundation
import Glibc
import Host
import OpenStack
import SystemPackage

/// A disk's file, as it is compared with what a cloud has.
struct PublishedFile {
  private let path: FilePath
  /// Which file it is, of which kernel's: by this an upload that was begun from it is known.
  let identity: String

  /// - Throws: `HostError`.
  init(_ path: FilePath) throws {
    self.path = path
    var status = stat()
    guard stat(path.string, &status) == 0 else { throw HostError.file(doing: "look at", path: path, errno: errno) }
    let boot = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    identity = Digest.sha256("\(boot) \(status.st_dev) \(status.st_ino)").hex
  }

  /// Whether the image has this file's content, by the digest that Glance made of it (Image API v2, "os_hash_algo").
  ///
  /// - Throws: `OpenStackError`, `HostError`, `CancellationError`.
  func isContent(of image: ImageRecord) throws -> Bool {
    guard let kind = image.osHashAlgo.flatMap(Digest.Kind.init) else {
      throw OpenStackError.badAnswer(
        doing: "compare the image \(image.id)",
        why: "its digest is of the kind \(image.osHashAlgo ?? "none"), and sha512 and sha256 are known here")
    }
    return try Digest.ofFile(path, kind: kind).hex == image.osHashValue
  }

  /// Whether somebody else seems to be uploading it: for an hour. What was begun from this very file was left behind, since who
  /// asks holds the file's lock.
  func isBeingSentElsewhere(_ image: ImageRecord) -> Bool {
    guard ["queued", "saving", "importing", "uploading"].contains(image.status), image.cpbuildPublisher != identity,
      let begin = image.createdAt.flatMap({ try? Date($0, strategy: .iso8601) })
    else { return false }
    return begin.timeIntervalSinceNow > -3600
  }
}
