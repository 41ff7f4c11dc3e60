import Foundation
import Host
public import SystemPackage
import Yams

/// The YAML files that people write for cpbuild.
public enum DeclarationFile {
  /// The most that one may hold, in bytes.
  public static let maximumSize = 64 << 10

  /// The whole file as text.
  ///
  /// - Throws: ``DeclarationError``; `HostError` when it can't be read.
  public static func text(of file: FilePath) throws -> String {
    guard let text = String(validating: try contents(of: file), as: UTF8.self) else {
      throw DeclarationError(file: file, line: 1, column: 1, reason: "it isn't UTF-8 text")
    }
    return text
  }

  private static func contents(of file: FilePath) throws -> Data {
    var bytes = Data(count: maximumSize + 1)
    var count = 0
    do {
      let handle = try FileDescriptor.open(file, .readOnly, options: .closeOnExec)
      defer { try? handle.close() }
      // A pipe gives what it has, not all that is asked for.
      while count < bytes.count {
        let more = try bytes.withUnsafeMutableBytes {
          try handle.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
        }
        if more == 0 { break }
        count += more
      }
    } catch let error as Errno {
      throw HostError.file(doing: "read", path: file, errno: error.rawValue)
    }
    guard count <= maximumSize else {
      throw DeclarationError(file: file, line: 1, column: 1, reason: "it is larger than \(maximumSize) bytes")
    }
    return bytes.prefix(count)
  }

  /// The document in `text`; `file` and `name` are for messages.
  ///
  /// - Throws: ``DeclarationError`` with the place.
  public static func document(_ text: String, file: FilePath, name: String) throws -> DeclarationNode {
    DeclarationNode(node: try compose(text, file: file), file: file, name: name)
  }

  private static func compose(_ text: String, file: FilePath) throws -> Node {
    try refuseAliases(text, file: file)
    do {
      if let node = try Yams.compose(yaml: text) { return node }
    } catch let error as YamlError {
      throw translate(error, file: file)
    }
    throw DeclarationError(file: file, line: 1, column: 1, reason: "it is empty")
  }

  /// An alias stands for what its anchor marks, which may hold aliases in turn: a few lines can mean more nodes than there
  /// is time to look at. Nothing that is declared here needs any.
  private static func refuseAliases(_ text: String, file: FilePath) throws {
    let anchors = Set(text.matches(of: /&([^\s\[\]{},]+)/).map(\.1))
    guard let alias = text.matches(of: /\*([^\s\[\]{},]+)/).first(where: { anchors.contains($0.1) }) else { return }
    let before = text[..<alias.range.lowerBound]
    let line = before.count { $0.isNewline } + 1
    let column = before.reversed().prefix { !$0.isNewline }.count + 1
    throw DeclarationError(
      file: file, line: line, column: column, reason: "\(alias.0) is an alias; write out what it stands for")
  }

  private static func translate(_ error: YamlError, file: FilePath) -> DeclarationError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      DeclarationError(file: file, line: mark.line, column: mark.column, reason: "it isn't YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      DeclarationError(
        file: file, line: context.mark.line, column: context.mark.column,
        reason: "a key stands twice: \(duplicates.map { String(describing: $0) }.joined(separator: ", "))")
    default:
      DeclarationError(file: file, line: 1, column: 1, reason: "it isn't YAML: \(error)")
    }
  }
}
