public import Names

/// Which file holds a private key: a name below the home folder, in `keys` or in `CA/private`.
public struct KeyFile: CheckedText {
  /// Such as `keys/acme-vpn.pem`.
  public let text: String

  public init(_ text: some StringProtocol) throws(NameError) {
    let name = ["keys/", "CA/private/"].first { text.hasPrefix($0) }.map { text.dropFirst($0.count) }
    guard let name else {
      throw NameError(
        kind: "key file", text: text, reason: .form("it is in another folder"), remedy: "keys/NAME or CA/private/NAME")
    }
    try Self.check(name)
    self.text = String(text)
  }

  /// A file in `keys`: of an instance, a key pair or a tunnel.
  public static func instance(_ name: String) throws(NameError) -> KeyFile { try KeyFile("keys/\(name)") }

  /// A file in `CA/private`: of a certificate authority.
  public static func authority(_ name: String) throws(NameError) -> KeyFile { try KeyFile("CA/private/\(name)") }

  private static func check(_ name: some StringProtocol) throws(NameError) {
    let allowed = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard allowed, (1...200).contains(name.utf8.count), !name.hasPrefix(".") else {
      throw NameError(
        kind: "key file", text: name, reason: .form("it isn't a plain name"),
        remedy: "1 to 200 letters, digits, '-', '_' and '.', not starting with '.'")
    }
  }
}
