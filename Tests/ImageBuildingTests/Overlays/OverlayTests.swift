import Declarations
import Foundation
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

/// What an overlay's declaration has to say, and what it may not.
@Suite struct OverlayTests {
  /// Reads an overlay with one file, `/etc/a`, and this declaration.
  private func read(_ declaration: String, prepare: (FilePath) throws -> Void = { _ in }) async throws -> Overlay {
    try await withTemporaryFolder { folder in
      let files = folder.appending("thin")
      try Folder.make(files.appending("etc"))
      try Data("one\n".utf8).write(to: URL(filePath: files.appending("etc/a").string))
      try Data(declaration.utf8).write(to: URL(filePath: folder.appending("thin.yaml").string))
      try prepare(files)
      return try Overlay(folder: files)
    }
  }

  private static let plain = "files:\n  /etc/a: { mode: \"0640\", owner: root, group: \"33\" }\n"

  @Test("a file gets the owner and the mode that are declared")
  func declared() async throws {
    let overlay = try await read(Self.plain + "links: { /etc/b: a }\ndirectories: { /srv/x: { mode: \"1777\" } }\n")
    #expect(overlay.entries.map(\.path) == ["/etc/a", "/etc/b", "/srv/x"])
    #expect(overlay.entries.map(\.mode) == [0o640, 0o777, 0o1777])
    #expect(overlay.entries[0].group == "33")
    #expect(overlay.entries[1].kind == .link(to: "a"))
  }

  @Test("every byte, mode and owner is in the digest")
  func digest() async throws {
    var digests: Set<Digest> = [try await read(Self.plain).digest]
    digests.insert(try await read(Self.plain.replacing("0640", with: "0600")).digest)
    digests.insert(try await read(Self.plain.replacing("root", with: "nobody")).digest)
    digests.insert(try await read(Self.plain + "enable: [a.service]\n").digest)
    digests.insert(try await read(Self.plain + "mask: [a.service]\n").digest)
    digests.insert(try await read(Self.plain + "remove: [/etc/x]\n").digest)
    digests.insert(
      try await read(Self.plain) { try Data("two\n".utf8).write(to: URL(filePath: $0.appending("etc/a").string)) }
        .digest)
    #expect(digests.count == 7)
    #expect(try await read(Self.plain).digest == read(Self.plain).digest)
  }

  @Test(
    "a declaration that is wrong is refused",
    arguments: [
      ("files: {}\n", "has no entry"),
      (plain + "  /etc/c: {}\n", "no such file"),
      ("files: { /etc/a: { mode: \"0999\" } }\n", "octal"),
      ("files: { /etc/a: { mode: \"+644\" } }\n", "octal"),
      ("files: { /etc/a: { mode: \"-000\" } }\n", "octal"),
      ("files: { /etc/a: { mode: \"64\" } }\n", "octal"),
      ("files: { /etc/a: { mood: \"0644\" } }\n", "mood"),
      ("files: { /etc/a: { owner: \"a b\" } }\n", "account"),
      ("files: { /etc/../etc/a: {} }\n", "absolute path"),
      ("files: { etc/a: {} }\n", "absolute path"),
      (plain + "links: { /etc/a: b }\n", "declared twice"),
      (plain + "enable: [\"a b.service\"]\n", "systemd unit"),
      (plain + "remove: [/]\n", "absolute path"),
    ])
  func refused(_ declaration: String, _ says: String) async throws {
    let error = await #expect(throws: DeclarationError.self) { _ = try await read(declaration) }
    #expect(error?.reason.contains(says) == true, "\(error?.description ?? "")")
    #expect((error?.line ?? 0) > 0)
  }

  @Test("a symbolic link among the files is refused, so that nothing of this machine is read through it")
  func symbolicLink() async throws {
    let error = await #expect(throws: DeclarationError.self) {
      _ = try await read(Self.plain + "  /etc/b: {}\n") { folder in
        try FileManager.default.createSymbolicLink(
          atPath: folder.appending("etc/b").string, withDestinationPath: "/etc/shadow")
      }
    }
    #expect(error?.reason.contains("regular file") == true)
    #expect(error?.file.lastComponent == "b")
  }
}
