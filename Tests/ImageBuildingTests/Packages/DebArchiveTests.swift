import Foundation
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

@Suite struct DebArchiveTests {
  @Test(
    "what dpkg finds in an uncompressed package is the same to the byte", arguments: ["xz", "zstd", "gzip", "none"])
  func uncompressed(_ compression: String) async throws {
    try await MiniRepository.with { repository in
      let deb = try await repository.add(
        "hello", files: ["usr/share/a": String(repeating: "content\n", count: 10_001), "usr/b": "x"],
        compression: compression)
      let plain = repository.folder.appending("plain.deb")
      try DebArchive(deb).writeUncompressed(to: plain)
      for option in ["--ctrl-tarfile", "--fsys-tarfile"] {
        let digests = try await [deb, plain].asyncMap { path in
          try await Command("sh", ["-c", "dpkg-deb \(option) \"$0\" | sha256sum", path.string]).run()
        }
        #expect(digests[0] == digests[1])
      }
      #expect(
        try await Command("ar", ["t", plain.string]).run() == "debian-binary\ncontrol.tar\ndata.tar\n")
      // Made twice, it is the same.
      let again = repository.folder.appending("again.deb")
      try DebArchive(plain).writeUncompressed(to: again)
      #expect(try Digest.ofFile(plain) == Digest.ofFile(again))
    }
  }

  @Test("a broken package is refused, and leaves nothing behind")
  func broken() async throws {
    try await MiniRepository.with { repository in
      let good = try Data(
        contentsOf: URL(filePath: try await repository.add("hello", files: ["f": "content"]).string))
      var cases: [String: Data] = [
        "empty": Data(), "text": Data("hello".utf8), "cut in a header": good.prefix(100),
        "cut in a member": good.dropLast(40),
        "ar without members": good.prefix(8),
      ]
      for (name, offset) in [("size", 8 + 48), ("magic", 8 + 58), ("name", 8), ("data", good.count - 100)] {
        var bytes = good
        bytes[offset] ^= 0x15
        cases["damaged \(name)"] = bytes
      }
      let target = repository.folder.appending("plain.deb")
      for (name, bytes) in cases {
        let path = repository.folder.appending("broken.deb")
        try AtomicFile.write(bytes, to: path)
        #expect(throws: PackageError.self, "\(name)") { try DebArchive(path).writeUncompressed(to: target) }
        #expect(access(target.string, F_OK) != 0)
      }
    }
  }

  @Test("pruning removes what was used longest ago, and never what is wanted")
  func prune() throws {
    let folder = FilePath("/tmp/cpbuild-prune-\(UInt32.random(in: .min ... .max))")
    try Folder.make(folder)
    defer { try? Folder.remove(folder) }
    let cache = PackageCache(folder: folder)
    for (age, name) in ["a", "b", "c", "d"].enumerated() {
      let path = folder.appending("sha256-\(Digest.sha256(name)).deb")
      try AtomicFile.write(Data(count: 100), to: path)
      let used = timespec(tv_sec: 1_000_000 + age, tv_nsec: 0)
      utimensat(AT_FDCWD, path.string, [used, used], 0)
    }
    try AtomicFile.write("", to: folder.appending("lock"))
    try cache.prune(budget: 400)
    try cache.prune(budget: 0, sparing: 1_000_000)
    #expect(try Folder.names(in: folder).count == 5)
    try cache.prune(budget: 0, sparing: 1_000_001)
    try cache.prune(budget: 250)
    let left = ["c", "d"].map { "sha256-\(Digest.sha256($0)).deb" }
    #expect(try Set(Folder.names(in: folder)) == Set(left + ["lock"]))
    try PackageCache(folder: "/tmp/none-such").prune(budget: 0)
  }
}

extension Array where Element: Sendable {
  fileprivate func asyncMap<Result>(_ body: (Element) async throws -> Result) async throws -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await body(element)) }
    return results
  }
}
