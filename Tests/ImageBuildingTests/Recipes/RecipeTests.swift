import Declarations
import Foundation
import Glibc
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

/// Recipes as people write them, and as they get them wrong.
@Suite struct RecipeTests {
  /// A recipe that is refused: where, and what the message has to say.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let line: Int
    let column: Int
    let says: String
    var testDescription: String { name }

    init(_ name: String, _ text: String, at line: Int, _ column: Int, _ says: String) {
      (self.name, self.text, self.line, self.column, self.says) = (name, text, line, column, says)
    }
  }

  static let refusals = [
    Refusal("unknown key", "base: { bootstrap: host }\npakages: [wget]\n", at: 2, 1, "pakages"),
    Refusal("unknown key inside", "base:\n  bootstrap: host\nroot:\n  sise: 1 GiB\n", at: 4, 3, "sise"),
    Refusal("a number for a path", "base:\n  path: 7\n", at: 2, 9, "path has to be text, and '7' is a number"),
    Refusal("a truth value for a package", "base: { path: x }\npackages: [yes]\n", at: 2, 12, "put it in quotes"),
    Refusal("nothing for a name", "name: ~\nbase: { path: x }\n", at: 1, 7, "name has to be text"),
    Refusal("a truth value for a size", "base: { path: x }\nroot: { size: true }\n", at: 2, 15, "has to be a size"),
    Refusal("wrong type", "base: { bootstrap: host }\npackages: wget\n", at: 2, 11, "packages has to be a list"),
    Refusal("a list for text", "base: { bootstrap: host }\nsummary: [a]\n", at: 2, 10, "summary has to be text"),
    Refusal("duplicate key", "base: { bootstrap: host }\nname: a\nname: b\n", at: 2, 1, "twice"),
    Refusal("duplicate item", "base: { bootstrap: host }\nomit: [docs]\noverlays: [a, a]\n", at: 3, 15, "twice"),
    Refusal("no base", "packages: [wget]\n", at: 1, 1, "no base"),
    Refusal("two bases", "base:\n  bootstrap: host\n  path: /a\n", at: 2, 3, "one of path, url and bootstrap"),
    Refusal("a checksum for a path", "base:\n  path: a\n  sha256: ab\n", at: 3, 11, "goes with url only"),
    Refusal("size without meaning", "base: { bootstrap: host }\nroot: { size: much }\n", at: 2, 15, "a size such as"),
    Refusal("size with a sign", "base: { bootstrap: host }\nroot: { size: +1 GiB }\n", at: 2, 15, "a size such as"),
    Refusal("size too small", "base: { bootstrap: host }\nroot: { size: 1 MiB }\n", at: 2, 15, "256 MiB"),
    Refusal(
      "size too large", "base: { bootstrap: host }\nroot: { size: 99999999999 GiB }\n", at: 2, 15, "a size such as"),
    Refusal("too little memory", "base: { bootstrap: host }\nroot: { memory: 1 }\n", at: 2, 17, "from 128"),
    Refusal("a package's bad name", "base: { bootstrap: host }\npackages: [wget, 'a;b']\n", at: 2, 18, "a;b"),
    Refusal("unknown omission", "base: { bootstrap: host }\nomit: [docs, cats]\n", at: 2, 14, "cats"),
    Refusal("relative check", "base: { bootstrap: host }\nchecks: { files: [etc/passwd] }\n", at: 2, 19, "absolute"),
    Refusal("bad name", "base: { bootstrap: host }\nname: ../x\n", at: 2, 7, "letters, digits"),
    Refusal("control character", "base: { bootstrap: host }\nsummary: \"a\\eb\"\n", at: 2, 10, "control character"),
    Refusal("an alias", "base: &b { bootstrap: host }\nroot: *b\n", at: 2, 7, "alias"),
    Refusal("not YAML", "base: { bootstrap: host\n", at: 2, 1, "isn't YAML"),
    Refusal("empty", "", at: 1, 1, "empty"),
    Refusal("a list", "- base\n", at: 1, 1, "has to be a mapping"),
  ]

  @Test("a bad recipe is refused with file, line and column", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let error = #expect(throws: DeclarationError.self) { try Recipe(text: refusal.text, file: "recipes/bad.yaml") }
    let description = error?.description ?? ""
    #expect(description.hasPrefix("recipes/bad.yaml:\(refusal.line):\(refusal.column): "), "\(description)")
    #expect(description.contains(refusal.says), "\(description)")
  }

  @Test("aliases of aliases are refused at once", .timeLimit(.minutes(1)))
  func aliasBomb() {
    var text = "a0: &a0 [\(Array(repeating: "x", count: 9).joined(separator: ","))]\n"
    for level in 1...11 {
      text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ","))]\n"
    }
    // As a key it would have to be compared, and so followed.
    text += "base: { path: x }\n? *a11\n: 1\n"
    #expect(throws: DeclarationError.self) { try Recipe(text: text, file: "bomb.yaml") }
  }

  @Test("a deep nest is refused and overflows nothing", arguments: ["[", "{a: "])
  func nested(_ opening: String) {
    let text = "base: " + String(repeating: opening, count: 15_000)
    #expect(throws: DeclarationError.self) { try Recipe(text: text, file: "deep.yaml") }
  }

  @Test("a file that is too large or isn't UTF-8 is refused")
  func files() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending("large.yaml")
      try Data(repeating: UInt8(ascii: "#"), count: 64 << 10 | 1).write(to: URL(filePath: file.string))
      let large = #expect(throws: DeclarationError.self) { try Recipe(file: file) }
      #expect(large?.reason.contains("larger than 65536 bytes") == true)
      try Data([0x62, 0xFF, 0xFE]).write(to: URL(filePath: file.string))
      let binary = #expect(throws: DeclarationError.self) { try Recipe(file: file) }
      #expect(binary?.reason.contains("UTF-8") == true)
      #expect(throws: HostError.self) { try Recipe(file: folder.appending("missing.yaml")) }
    }
  }

  @Test("every recipe that comes with cpbuild is read, with its overlays")
  func shipped() throws {
    let shelf = RecipeShelf(roots: [sourceTree])
    let names = try shelf.names()
    #expect(names == ["cloudpipe", "cloudpipe-debian-12", "cloudpipe-ubuntu-22.04", "cloudpipe-ubuntu-24.04"])
    for name in names {
      let recipe = try shelf.recipe(name)
      #expect(recipe.name == name)
      #expect(!recipe.summary.isEmpty)
      let overlays = try recipe.overlays.map { try Overlay(folder: $0) }
      let laid = Set(overlays.flatMap(\.entries).map(\.path))
      // What packages bring isn't an overlay's.
      #expect(recipe.checks.files.allSatisfy { laid.contains($0) || $0.hasPrefix("/usr/sbin/") })
    }
  }

  @Test("the schema for editors knows the same keys as cpbuild does")
  func schema() throws {
    let data = try Data(contentsOf: URL(filePath: sourceTree.appending("image-recipes/recipe.schema.json").string))
    let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let properties = try #require(schema["properties"] as? [String: Any])
    for key in properties.keys {
      // A key that cpbuild doesn't know would be the first thing that it complains of.
      let text = key == "base" ? "base: 1\n" : "base: { bootstrap: host }\n\(key): { nonsense: 1 }\n"
      let error = #expect(throws: DeclarationError.self) { try Recipe(text: text, file: "x.yaml") }
      #expect(error?.reason.contains("has no key '\(key)'") == false)
    }
    #expect(Set(properties.keys) == ["name", "summary", "base", "packages", "overlays", "root", "omit", "checks"])
  }

  @Test("a recipe that comes through a pipe in pieces is read to its end")
  func pipe() throws {
    let pipe = Pipe()
    let writer = pipe.fileHandleForWriting
    Thread.detachNewThread {
      for line in ["name: piped\nbase: { path: disk }\n", "packages: [openvpn]\n"] {
        try? writer.write(contentsOf: Data(line.utf8))
        usleep(100_000)
      }
      try? writer.close()
    }
    let recipe = try Recipe(file: FilePath("/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"))
    #expect(recipe.packages.map(\.description) == ["openvpn"])
  }

  @Test("a folder in a recipe's place is named in the error")
  func folder() async throws {
    try await withTemporaryFolder { folder in
      let refusal = HostError.file(doing: "read", path: folder, errno: EISDIR)
      #expect(throws: refusal) { try Recipe(file: folder) }
    }
  }

  @Test("what a recipe leaves out has the documented value")
  func defaults() throws {
    let recipe = try Recipe(text: "base: { path: disk.qcow2 }\n", file: "/recipes/mine.yaml")
    #expect(recipe.name == "mine")
    #expect(recipe.base == .path("/recipes/disk.qcow2"))
    #expect(recipe.maximumSize == 1 << 30)
    #expect(recipe.minimumMemory == 512)
    #expect(recipe.packages.isEmpty && recipe.overlays.isEmpty && recipe.omit.isEmpty)
  }
}

/// The top of the source tree: four levels up.
private let sourceTree = (0..<4).reduce(FilePath(#filePath)) { path, _ in path.removingLastComponent() }
