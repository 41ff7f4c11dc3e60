import Declarations
import Foundation
import Host
public import SystemPackage

extension Recipe {
  /// Reads and checks a recipe.
  ///
  /// - Throws: ``DeclarationError`` with the place, ``HostError`` when the file can't be read.
  public init(file: FilePath) throws {
    try self.init(text: try DeclarationFile.text(of: file), file: file)
  }

  /// Reads and checks the text of a recipe; `file` is where its overlays and paths are relative to.
  ///
  /// - Throws: ``DeclarationError``.
  public init(text: String, file: FilePath) throws {
    let root = try DeclarationFile.document(text, file: file, name: "the recipe")
    let keys = try root.mapping(["name", "summary", "base", "packages", "overlays", "root", "omit", "checks"])
    guard let base = keys["base"] else { throw root.error("the recipe has no base") }
    let size = try keys["root"]?.mapping(["size", "memory"]) ?? [:]

    self.file = file
    name = try keys["name"].map(Self.name) ?? Self.name(of: file)
    summary = try keys["summary"]?.string() ?? ""
    self.base = try Self.base(base, beside: file)
    packages = try keys["packages"].map(Self.packages) ?? []
    overlays = try keys["overlays"].map { try Self.overlays($0, beside: file) } ?? []
    maximumSize = try size["size"].map(Self.diskSize) ?? 1 << 30
    minimumMemory = try size["memory"]?.integer(128...1_048_576) ?? 512
    omit = Set(try keys["omit"].map(Self.omissions) ?? [])
    checks = try keys["checks"].map(Self.checks) ?? Checks()
  }

  private static func isName(_ text: String) -> Bool {
    text.count <= 64 && text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._\-]*/) != nil
  }

  private static func name(_ node: DeclarationNode) throws -> String {
    let text = try node.string()
    guard isName(text) else {
      throw node.error("name may hold letters, digits, '.', '_' and '-' only, at most 64, a letter or digit first")
    }
    return text
  }

  private static func name(of file: FilePath) throws -> String {
    guard let stem = file.lastComponent?.stem, isName(stem) else {
      throw DeclarationError(
        file: file, line: 1, column: 1, reason: "the file's name can't be the recipe's; give it a name")
    }
    return stem
  }

  private static func base(_ node: DeclarationNode, beside file: FilePath) throws -> Base {
    let keys = try node.mapping(["path", "url", "sha256", "sha512", "checksums", "bootstrap"])
    let kinds = ["path", "url", "bootstrap"].filter { keys[$0] != nil }
    guard kinds.count == 1, let kind = kinds.first, let value = keys[kind] else {
      throw node.error("base has to have one of path, url and bootstrap")
    }
    let sums = ["sha256", "sha512", "checksums"].compactMap { name in keys[name].map { (name, $0) } }
    guard kind == "url" || sums.isEmpty else { throw sums[0].1.error("\(sums[0].0) goes with url only") }
    switch kind {
    case "path":
      return .path(file.removingLastComponent().pushing(FilePath(try value.string())).lexicallyNormalized())
    case "bootstrap":
      guard try value.string() == "host" else {
        throw value.error("bootstrap has to be 'host': the host's apt sources")
      }
      return .bootstrap
    default:
      guard sums.count == 1 else { throw value.error("url needs one of sha256, sha512 and checksums") }
      return .url(try httpURL(value), checksum: try checksum(sums[0].1, kind: sums[0].0))
    }
  }

  private static func checksum(_ node: DeclarationNode, kind: String) throws -> Checksum {
    if kind == "checksums" { return .sums(try httpURL(node)) }
    guard let digest = Digest(hex: try node.string()), digest.bytes.count == (kind == "sha256" ? 32 : 64) else {
      throw node.error("\(kind) has to be \(kind == "sha256" ? 64 : 128) hexadecimal digits")
    }
    return .digest(digest)
  }

  private static func httpURL(_ node: DeclarationNode) throws -> String {
    let text = try node.string()
    guard let url = URL(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme), url.host() != nil
    else {
      throw node.error("\(node.name) has to be an http or https URL")
    }
    return text
  }

  private static func packages(_ node: DeclarationNode) throws -> [PackageName] {
    _ = try node.strings()
    return try node.list().map { item in
      guard let name = PackageName(try item.string()) else {
        throw item.error("'\(try item.string())' isn't the name of a package")
      }
      return name
    }
  }

  private static func overlays(_ node: DeclarationNode, beside file: FilePath) throws -> [FilePath] {
    try node.strings().map { text in
      let path = text.contains("/") ? FilePath(text) : FilePath("../overlays").appending(text)
      return file.removingLastComponent().pushing(path).lexicallyNormalized()
    }
  }

  private static func diskSize(_ node: DeclarationNode) throws -> UInt64 {
    let size = try node.size()
    guard (256 << 20...64 << 30).contains(size), size.isMultiple(of: 1 << 20) else {
      throw node.error("size has to be a whole number of MiB from 256 MiB to 64 GiB")
    }
    return size
  }

  private static func omissions(_ node: DeclarationNode) throws -> [Omission] {
    try node.list().map { item in
      guard let omission = Omission(rawValue: try item.string()) else {
        let known = Omission.allCases.map(\.rawValue).joined(separator: ", ")
        throw item.error("omit knows \(known), not '\(try item.string())'")
      }
      return omission
    }
  }

  private static func checks(_ node: DeclarationNode) throws -> Checks {
    let keys = try node.mapping(["files", "enabled", "download"])
    var checks = Checks()
    for item in try keys["files"]?.list() ?? [] {
      guard try item.string().hasPrefix("/") else { throw item.error("a checked file needs an absolute path") }
    }
    checks.files = try keys["files"]?.strings() ?? []
    checks.enabled = try keys["enabled"]?.strings() ?? []
    checks.maximumDownload = try keys["download"]?.size()
    return checks
  }
}
