/// The name of one of a project's networks, unique within the project: spelled like a ``ProjectID``.
public struct NetworkName: CheckedText {
  public let text: String

  public init(_ text: some StringProtocol) throws(NameError) {
    self.text = try FileSafeName.check(text, kind: "network name", limit: 64)
  }

  private init(known text: String) { self.text = text }

  /// The network that a project gets when none is named.
  public static let standard = NetworkName(known: "default")
}
