import Foundation
import Glibc
import Host
import SystemPackage
import Testing

@Suite struct DigestTests {
  /// FIPS 180-4's own examples (NIST, SHA-256 and SHA-512 example values).
  @Test("digests are those of the standard")
  func vectors() async throws {
    #expect(
      Digest.sha256("abc").hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest.sha256("").hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    var hasher = Digest.Hasher(.sha512)
    hasher.update("abc")
    #expect(
      hasher.finish().hex
        == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")
  }

  @Test("a file's digest is what sha256sum and sha512sum say, across the boundaries of its pieces")
  func files() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("file")
      for size in [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000] {
        try AtomicFile.write([UInt8](repeating: UInt8(size % 251), count: size), to: path)
        for (kind, tool) in [(Digest.Kind.sha256, "sha256sum"), (.sha512, "sha512sum")] {
          let expected = try await Command(tool, [path.string]).run().prefix { $0 != " " }
          #expect(try Digest.ofFile(path, kind: kind).hex == expected)
        }
      }
    }
  }

  @Test("pieces or all at once make no difference")
  func pieces() {
    var hasher = Digest.Hasher()
    hasher.update([1, 2])
    hasher.update("")
    hasher.update(Data([3]))
    #expect(hasher.finish() == Digest.sha256([1, 2, 3] as [UInt8]))
  }

  @Test("a digest reads back from hex in either case, and from JSON")
  func reading() throws {
    let digest = Digest.sha256("abc")
    #expect(Digest(hex: digest.hex) == digest)
    #expect(Digest(hex: digest.hex.uppercased()) == digest)
    #expect(try JSONDecoder().decode([Digest].self, from: JSONEncoder().encode([digest])) == [digest])
  }

  @Test(
    "what isn't a digest is refused",
    arguments: [
      "", "ab", String(repeating: "a", count: 63), String(repeating: "a", count: 65), String(repeating: "g", count: 64),
      String(repeating: "é", count: 32), " " + String(repeating: "a", count: 63), String(repeating: "a", count: 96),
    ])
  func refusals(hex: String) throws {
    #expect(Digest(hex: hex) == nil)
    let document = try JSONEncoder().encode([hex])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([Digest].self, from: document) }
  }

  @Test("a file that isn't there, or is a folder, is an error that names it")
  func unreadable() async throws {
    try await withTemporaryFolder { folder in
      let missing = folder.appending("no")
      #expect(throws: HostError.file(doing: "open", path: missing, errno: ENOENT)) { try Digest.ofFile(missing) }
      #expect(throws: HostError.file(doing: "read", path: folder, errno: EISDIR)) { try Digest.ofFile(folder) }
    }
  }
}
