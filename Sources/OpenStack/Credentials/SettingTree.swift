import Declarations
import SystemPackage

/// A YAML file of other programs' making: everything that is known is taken, everything else passed over.
indirect enum SettingTree {
  case text(String)
  case mapping([String: SettingTree])
  /// A list, or nothing.
  case other

  init(_ node: DeclarationNode) {
    if let entries = try? node.entries() {
      var values: [String: SettingTree] = [:]
      for (key, value) in entries {
        if let name = try? key.word() { values[name] = SettingTree(value) }
      }
      self = .mapping(values)
    } else if !node.isNull, let text = try? node.word() {
      // A password of digits is a password, and `verify: false` is what it says.
      self = .text(text)
    } else {
      self = .other
    }
  }

  subscript(_ key: String) -> SettingTree? {
    if case .mapping(let values) = self { return values[key] }
    return nil
  }

  var text: String? {
    if case .text(let text) = self { return text }
    return nil
  }

  var keys: [String] {
    if case .mapping(let values) = self { return values.keys.sorted() }
    return []
  }

  /// What `other` says goes before what this says, key by key.
  func overlaid(with other: SettingTree?) -> SettingTree {
    guard let other else { return self }
    guard case .mapping(let mine) = self, case .mapping(let others) = other else { return other }
    return .mapping(mine.merging(others) { $0.overlaid(with: $1) })
  }
}
