/// The name of a network interface that cpbuild makes: 1 to 15 ASCII letters, digits, `-`, `_` and `.`, the first of them
/// a letter or a digit. The kernel takes more (`dev_valid_name`), but no program needs it.
public struct InterfaceName: CheckedText {
  public let text: String

  public init(_ text: some StringProtocol) throws(NameError) {
    self.text = try FileSafeName.check(text, kind: "interface name", limit: 15)
  }

  private init(known text: String) { self.text = text }

  /// What a machine's first interface is called.
  public static let first = InterfaceName(known: "eth0")
}
