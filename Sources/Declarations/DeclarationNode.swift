public import SystemPackage
import Yams

/// One node of a YAML document, with typed access that says where it went wrong.
public struct DeclarationNode {
  let node: Node
  public let file: FilePath
  /// The key that leads here, for messages.
  public let name: String

  /// What is wrong here, with the place.
  public func error(_ reason: String) -> DeclarationError {
    DeclarationError(file: file, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1, reason: reason)
  }

  private func wrongType(_ expected: String) -> DeclarationError {
    let found =
      switch node {
      case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string.prefix(40))'"
      case .mapping: "a mapping"
      case .sequence: "a list"
      case .alias: "an alias"
      }
    return error("\(name) has to be \(expected), not \(found)")
  }

  /// Nothing, as `null`, `~` or an empty place say it.
  public var isNull: Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
    return node.tag.description.hasSuffix(":null") || scalar.string.isEmpty
  }

  public var isMapping: Bool {
    guard case .mapping = node else { return false }
    return true
  }

  /// The values of a mapping that may hold the keys of `known` only.
  ///
  /// - Throws: ``DeclarationError``.
  public func mapping(_ known: Set<String>) throws -> [String: DeclarationNode] {
    guard case .mapping(let mapping) = node else { throw wrongType("a mapping") }
    var values: [String: DeclarationNode] = [:]
    for (key, value) in mapping {
      let place = DeclarationNode(node: key, file: file, name: "a key of \(name)")
      let text = try place.word()
      guard known.contains(text) else {
        throw place.error("\(name) has no key '\(text)'; it knows \(known.sorted().joined(separator: ", "))")
      }
      values[text] = DeclarationNode(node: value, file: file, name: text)
    }
    return values
  }

  /// The keys and values of a mapping whose keys are free.
  ///
  /// - Throws: ``DeclarationError``.
  public func entries() throws -> [(key: DeclarationNode, value: DeclarationNode)] {
    guard case .mapping(let mapping) = node else { throw wrongType("a mapping") }
    return try mapping.map { key, value in
      let place = DeclarationNode(node: key, file: file, name: "a key of \(name)")
      return (place, DeclarationNode(node: value, file: file, name: try place.word()))
    }
  }

  /// A text that isn't empty and has no control characters. What YAML takes for a number, a truth value or nothing, such
  /// as `7` or `yes`, is a text in quotes only.
  ///
  /// - Throws: ``DeclarationError``.
  public func string() throws -> String {
    let text = try word()
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return text }
    let kinds = ["int": "a number", "float": "a number", "bool": "a truth value", "null": "nothing"]
    if let kind = node.tag.description.split(separator: ":").last.flatMap({ kinds[String($0)] }) {
      throw error("\(name) has to be text, and '\(text.prefix(40))' is \(kind) to YAML; put it in quotes")
    }
    return text
  }

  /// A scalar of any type, as it is written: what can be meant in one way only, such as an account, by name or number.
  ///
  /// - Throws: ``DeclarationError``.
  public func word() throws -> String {
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else { throw wrongType("text") }
    let control = scalar.string.unicodeScalars.contains { $0.properties.generalCategory == .control }
    guard !control else { throw error("\(name) holds a control character") }
    return scalar.string
  }

  /// The items of a list.
  ///
  /// - Throws: ``DeclarationError``.
  public func list() throws -> [DeclarationNode] {
    guard case .sequence(let sequence) = node else { throw wrongType("a list") }
    return sequence.map { DeclarationNode(node: $0, file: file, name: "an item of \(name)") }
  }

  /// The items of a list of texts, none of them twice.
  ///
  /// - Throws: ``DeclarationError``.
  public func strings() throws -> [String] {
    let items = try list()
    var seen: Set<String> = []
    return try items.map { item in
      let text = try item.string()
      guard seen.insert(text).inserted else { throw item.error("'\(text)' stands in \(name) twice") }
      return text
    }
  }

  /// Whole bytes: a number alone, or with KiB, MiB or GiB.
  ///
  /// - Throws: ``DeclarationError``.
  public func size() throws -> UInt64 {
    let text = try word()
    let units: [(String, UInt64)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
    for (unit, factor) in units where text.hasSuffix(unit) {
      let digits = text.dropLast(unit.count)
      guard let match = digits.wholeMatch(of: /([0-9]+) ?/), let number = UInt64(match.1), number > 0 else { break }
      let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
      if !overflow { return bytes }
    }
    throw wrongType("a size such as '1 GiB' or '768 MiB'")
  }

  /// A whole number in the range.
  ///
  /// - Throws: ``DeclarationError``.
  public func integer(_ range: ClosedRange<Int>) throws -> Int {
    guard let number = Int(try word()), range.contains(number) else {
      throw wrongType("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
