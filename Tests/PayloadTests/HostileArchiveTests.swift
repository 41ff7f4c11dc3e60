import Foundation
import Names
import Payload
import SystemPackage
import Testing

/// Archives that Python makes, since no well-meaning library would.
@Suite("Hostile archives")
struct HostileArchiveTests {
  /// Each script gets `z`, an open `ZipFile`, and `add(name, mode, content)`.
  static let archives: [(String, String)] = [
    ("an absolute path", "add('/etc/passwd')"),
    ("a way out", "add('../evil')"),
    ("a way out behind a folder", "add('a/../../evil')"),
    ("a folder's file", "add('a/b')"),
    ("a folder", "add('a/', 0o040755, b'')"),
    ("a backslash", "add('..\\\\evil')"),
    ("a hidden name", "add('.profile')"),
    ("an option", "add('-rf')"),
    ("a control character", "add('a\\x1b[31m')"),
    ("a symbolic link", "add('link', 0o120777, b'/etc/passwd')"),
    ("a device", "add('device', 0o060644)"),
    ("a character device", "add('device', 0o020644)"),
    ("a socket", "add('socket', 0o140644)"),
    ("a repeated name", "add('a'); add('a', 0o100644, b'other')"),
    ("too many entries", "[add('f%d' % i) for i in range(33)]"),
    ("a bomb", "add('bomb', 0o100644, b'\\0' * (64 << 20))"),
    ("a small bomb", "add('bomb', 0o100644, b'\\0' * 500000)"),
    ("many that are too much together", "[add('f%d' % i, 0o100644, os.urandom(100000)) for i in range(11)]"),
    ("a long name", "add('x' * 101)"),
    ("an entry of LZMA", "add('a', method=zipfile.ZIP_LZMA)"),
    ("an entry of bzip2", "add('a', method=zipfile.ZIP_BZIP2)"),
    ("an entry of LZMA behind a good one", "add('a'); add('b', method=zipfile.ZIP_LZMA)"),
  ]

  @Test("what a payload never holds is refused", arguments: archives)
  func refused(_ what: String, _ script: String) async throws {
    let archive = try await Self.archive(script)
    let error = #expect(throws: PayloadError.self, "\(what)") { try PayloadReader().files(in: archive) }
    guard case .hostile(let entry, _) = error else {
      Issue.record("\(what): \(String(describing: error))")
      return
    }
    #expect(entry.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
  }

  @Test("a name that isn't ASCII is refused")
  func otherScripts() async throws {
    let archive = try await Self.archive("add('é')")
    #expect(throws: PayloadError.self) { try PayloadReader().files(in: archive) }
  }

  @Test("an encrypted entry is refused")
  func encrypted() async throws {
    // The flag alone: Python writes no encryption.
    var archive = try await Self.archive("add('a')")
    archive[6] |= 1
    let directory = try #require(archive.range(of: Data([0x50, 0x4b, 0x01, 0x02])))
    archive[directory.lowerBound + 8] |= 1
    #expect(throws: PayloadError.self) { try PayloadReader().files(in: archive) }
  }

  /// APPNOTE.TXT, 4.4.5: Deflate64, Zstandard, XZ, PPMd, which Python doesn't write, and one that nobody has. PPMd's two
  /// bytes ask for 256 MiB.
  @Test("an entry of another method is refused before it is unpacked", arguments: [9, 93, 95, 98, 77] as [UInt8])
  func otherMethods(_ method: UInt8) async throws {
    var archive = try await Self.archive("add('a', content=b'\\xff\\xff' + bytes(64), method=zipfile.ZIP_STORED)")
    archive[8] = method
    let directory = try #require(archive.range(of: Data([0x50, 0x4b, 0x01, 0x02])))
    archive[directory.lowerBound + 10] = method
    let error = #expect(throws: PayloadError.self) { try PayloadReader().files(in: archive) }
    guard case .hostile("a", let why) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(why.hasPrefix("it is neither stored nor deflated"))
  }

  @Test("a stored entry is read")
  func stored() async throws {
    let archive = try await Self.archive("add('a', method=zipfile.ZIP_STORED)")
    #expect(try PayloadReader().files(in: archive) == ["a": Data("x".utf8)])
  }

  @Test("an archive that is cut short anywhere is refused")
  func truncated() throws {
    let whole = try Sample.payload().archive()
    for length in stride(from: 0, to: whole.count - 1, by: 37) {
      #expect(throws: PayloadError.self, "\(length) bytes") { try PayloadReader().files(in: whole.prefix(length)) }
    }
  }

  @Test("what isn't a zip archive is refused", arguments: ["", "PK", "hello", "#!/bin/sh\n", "\u{1F}\u{8B}"])
  func notZip(_ text: String) {
    #expect(throws: PayloadError.self) { try PayloadReader().files(in: Data(text.utf8)) }
  }

  @Test("an archive behind something else is refused")
  func prefixed() throws {
    let archive = Data("#!/bin/sh\n".utf8) + (try Sample.payload().archive())
    #expect(throws: PayloadError.self) { try PayloadReader().files(in: archive) }
  }

  @Test("a changed byte never goes unnoticed in a file, and none makes the reader trap")
  func damaged() throws {
    let whole = try Sample.payload().archive()
    let good = try PayloadReader().files(in: whole)
    var state: UInt64 = 0x2545_f491_4f6c_dd1d
    for _ in 0..<2000 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      var archive = whole
      archive[Int(state >> 8) % whole.count] ^= UInt8(truncatingIfNeeded: state) | 1
      guard let files = try? PayloadReader().files(in: archive) else { continue }
      for (name, content) in files where good[name] != nil { #expect(content == good[name], "\(name)") }
    }
  }

  private static func archive(_ script: String) async throws -> Data {
    try await withFolder { folder in
      let zip = folder.appending("hostile.zip")
      _ = try await python(
        """
        import os, sys, warnings, zipfile
        warnings.simplefilter('ignore')
        z = zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED)
        def add(name, mode=0o100644, content=b'x', method=zipfile.ZIP_DEFLATED):
            i = zipfile.ZipInfo(name)
            i.external_attr = mode << 16
            i.create_system = 3
            i.compress_type = method
            z.writestr(i, content)
        \(script)
        z.close()
        """, zip)
      return try Data(contentsOf: URL(filePath: zip.string))
    }
  }
}
