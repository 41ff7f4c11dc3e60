import Declarations
import Foundation
import Glibc
import Host
public import SystemPackage

extension Overlay {
  /// The most that one file, and all of them, may hold, in bytes.
  private static let maximumFileSize = 4 << 20

  /// Reads the overlay in `folder` and its declaration, `folder` with `.yaml` added.
  ///
  /// Every file needs an entry and every entry a file, so that nothing gets a mode by accident.
  ///
  /// - Throws: ``DeclarationError`` with the place, ``HostError`` when something can't be read.
  public init(folder: FilePath) throws {
    let file = FilePath(folder.string + ".yaml")
    let root = try DeclarationFile.document(DeclarationFile.text(of: file), file: file, name: "the overlay")
    let keys = try root.mapping(["files", "directories", "links", "enable", "mask", "remove", "setup"])

    name = folder.lastComponent?.string ?? folder.string
    enable = try keys["enable"].map(Self.units) ?? []
    mask = try keys["mask"].map(Self.units) ?? []
    remove = try keys["remove"].map(Self.paths) ?? []
    setup = try keys["setup"].map { node in
      try Self.contents(of: folder.removingLastComponent().pushing(FilePath(try node.string())).lexicallyNormalized())
    }
    let files = try Self.files(keys["files"], in: folder, root: root)
    let folders = try Self.declared(keys["directories"], mode: 0o755).map { path, attributes in
      Entry(path: path, kind: .folder, mode: attributes.mode, owner: attributes.owner, group: attributes.group)
    }
    entries = (files + folders + (try Self.links(keys["links"]))).sorted { $0.path < $1.path }
    let paths = entries.map(\.path)
    if let twice = zip(paths, paths.dropFirst()).first(where: { $0 == $1 }) {
      throw root.error("\(twice.0) is declared twice")
    }
  }

  private struct Attributes {
    var mode: UInt32
    var owner = "root"
    var group = "root"
  }

  private static func files(_ node: DeclarationNode?, in folder: FilePath, root: DeclarationNode) throws -> [Entry] {
    let declared = try declared(node, mode: 0o644)
    let found = try found(below: folder)
    if let missing = found.sorted().first(where: { declared[$0] == nil }) {
      throw (node ?? root).error("\(folder.appending(String(missing.dropFirst()))) has no entry under files")
    }
    return try declared.map { path, attributes in
      guard found.contains(path) else {
        throw (node ?? root).error("\(path) is declared, but \(folder) has no such file")
      }
      let contents = try contents(of: folder.appending(String(path.dropFirst())))
      return Entry(
        path: path, kind: .file(contents), mode: attributes.mode, owner: attributes.owner, group: attributes.group)
    }
  }

  /// Every regular file below `folder`, as guest paths. Links and special files are refused: they'd be read through.
  private static func found(below folder: FilePath, prefix: String = "") throws -> Set<String> {
    var paths: Set<String> = []
    for name in try Folder.names(in: folder) {
      let path = folder.appending(name)
      var status = stat()
      guard lstat(path.string, &status) == 0 else { throw HostError.file(doing: "look at", path: path, errno: errno) }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try paths.formUnion(found(below: path, prefix: "\(prefix)/\(name)"))
      case S_IFREG: paths.insert("\(prefix)/\(name)")
      default:
        throw DeclarationError(
          file: path, line: 1, column: 1, reason: "it isn't a regular file; declare links under links")
      }
    }
    return paths
  }

  private static func declared(_ node: DeclarationNode?, mode: UInt32) throws -> [String: Attributes] {
    guard let node else { return [:] }
    return try node.entries().reduce(into: [:]) { result, item in
      let keys = try item.value.mapping(["mode", "owner", "group"])
      var attributes = Attributes(mode: mode)
      attributes.mode = try keys["mode"].map(Self.mode) ?? mode
      attributes.owner = try keys["owner"].map(Self.account) ?? "root"
      attributes.group = try keys["group"].map(Self.account) ?? "root"
      result[try Self.path(item.key)] = attributes
    }
  }

  private static func links(_ node: DeclarationNode?) throws -> [Entry] {
    guard let node else { return [] }
    return try node.entries().map { item in
      Entry(
        path: try path(item.key), kind: .link(to: try item.value.string()), mode: 0o777, owner: "root", group: "root")
    }
  }

  private static func mode(_ node: DeclarationNode) throws -> UInt32 {
    let text = try node.word()
    // UInt32 would take a sign, too.
    guard text.wholeMatch(of: /[0-7]{3,4}/) != nil, let mode = UInt32(text, radix: 8) else {
      throw node.error("mode has to be three or four octal digits in quotes, such as \"0644\"")
    }
    return mode
  }

  private static func account(_ node: DeclarationNode) throws -> String {
    let text = try node.word()
    guard text.wholeMatch(of: /[a-z_][a-z0-9_\-]{0,31}|[0-9]{1,9}/) != nil else {
      throw node.error("'\(text)' isn't an account's name or number")
    }
    return text
  }

  private static func units(_ node: DeclarationNode) throws -> [String] {
    for item in try node.list() {
      // systemd.unit(5): the characters of a unit's name, and a suffix.
      guard try item.string().wholeMatch(of: /[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\\-]*\.[a-z]+/) != nil else {
        throw item.error("'\(try item.string())' isn't a systemd unit's name")
      }
    }
    return try node.strings()
  }

  private static func paths(_ node: DeclarationNode) throws -> [String] { try node.list().map(path) }

  private static func path(_ node: DeclarationNode) throws -> String {
    let text = try node.string()
    let path = FilePath(text)
    guard path.isAbsolute, path.isLexicallyNormal, path.string == text, path.components.count > 0 else {
      throw node.error("'\(text)' has to be an absolute path without '.', '..' or '//'")
    }
    return text
  }

  private static func contents(of path: FilePath) throws -> Data {
    do {
      let handle = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow])
      defer { try? handle.close() }
      var data = Data()
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = try buffer.withUnsafeMutableBytes { try handle.read(into: $0) }
        if count == 0 { return data }
        data.append(contentsOf: buffer[..<count])
        guard data.count <= maximumFileSize else {
          throw DeclarationError(file: path, line: 1, column: 1, reason: "it is larger than \(maximumFileSize) bytes")
        }
      }
    } catch let error as Errno {
      throw HostError.file(doing: "read", path: path, errno: error.rawValue)
    }
  }
}
