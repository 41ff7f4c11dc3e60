public import SystemPackage

/// One apt source of a guest, of the kind that is safe to use: binary packages over HTTP(S), signed (sources.list(5)).
public struct AptSource: Hashable, Sendable {
  /// Where the source is.
  public var location: Location
  /// "bookworm", or an exact path that ends in a slash.
  public var suites: [String]
  /// "main", …; empty exactly when the suites are paths.
  public var components: [String]
  /// Empty for those of the guest.
  public var architectures: [String]
  /// Which keys may sign it.
  public var signedBy: SignedBy
  /// `Check-Valid-Until: no`, as archives of the past need it.
  public var ignoresExpiry: Bool
  /// The file and line of the guest that it comes from, for messages.
  public var origin: String

  public enum Location: Hashable, Sendable {
    /// An http or https URI.
    case uri(String)
    /// A file of the guest with a list of URIs (`mirror+file:`, apt-transport-mirror(1)).
    case mirrorList(FilePath)
    /// What such a file held: http or https URIs, the best first.
    case mirrors([String])
  }

  public enum SignedBy: Hashable, Sendable {
    /// Any key in the guest's trusted.gpg.d.
    case trustedKeys
    /// Key files of the guest.
    case files([FilePath])
    /// Fingerprints of keys in trusted.gpg.d.
    case fingerprints([String])
    /// An ASCII-armoured key in the source itself.
    case embedded(String)
  }
}

/// What was read from one file of sources.
struct AptSourceList: Equatable, Sendable {
  var sources: [AptSource] = []
  /// What can't be used, and why, one sentence each; what its owner disabled isn't mentioned.
  var skipped: [String] = []
}

/// Why a source can't be used: what follows "file:line: ".
struct UnusableSource: Error, Equatable {
  let reason: String
}

/// Checks of what a guest wrote into a source. Whatever passes can be written into a `.sources` file of our own and
/// means the same there.
enum AptSourceCheck {
  static func location(_ text: String) throws(UnusableSource) -> AptSource.Location {
    let scheme = text.prefix { $0 != ":" }.lowercased()
    switch scheme {
    case "http", "https":
      guard isPlain(text), text.dropFirst(scheme.count).hasPrefix("://"), text.utf8.count <= 1000 else {
        throw UnusableSource(reason: "'\(printable(text))' isn't a usable URI")
      }
      return .uri(text)
    case "mirror+file":
      let path = FilePath("/" + text.dropFirst("mirror+file:".count).drop { $0 == "/" }).lexicallyNormalized()
      guard isPlain(text), path.string.hasPrefix("/etc/apt/") else {
        throw UnusableSource(reason: "a list of mirrors has to be in /etc/apt, and '\(printable(text))' isn't")
      }
      return .mirrorList(path)
    default:
      throw UnusableSource(reason: "'\(printable(scheme)):' isn't used, only http, https and mirror+file are")
    }
  }

  static func word(_ text: String, _ what: String) throws(UnusableSource) -> String {
    guard isPlain(text), text.utf8.count <= 300, !text.split(separator: "/").contains("..") else {
      throw UnusableSource(reason: "'\(printable(text))' isn't a usable \(what)")
    }
    return text
  }

  static func signedBy(_ text: String) throws(UnusableSource) -> AptSource.SignedBy {
    if text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
      // In deb822(5) a line with a single dot stands for an empty one.
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0 == "." ? "" : $0 }
      guard text.utf8.allSatisfy({ $0 == 0x0A || (0x20...0x7E).contains($0) }) else {
        throw UnusableSource(reason: "its embedded key isn't ASCII armour")
      }
      return .embedded(lines.drop { $0.isEmpty }.joined(separator: "\n") + "\n")
    }
    let words = text.split { $0.isWhitespace || $0 == "," }.map(String.init)
    if words.isEmpty { return .trustedKeys }
    if words.allSatisfy({ $0.hasPrefix("/") && isPlain($0) }) {
      return .files(words.map { FilePath($0).lexicallyNormalized() })
    }
    let isFingerprint = { (word: String) in
      let digits = word.hasSuffix("!") ? word.dropLast() : word[...]
      return digits.utf8.count == 40 && digits.allSatisfy(\.isHexDigit)
    }
    guard words.allSatisfy(isFingerprint) else {
      throw UnusableSource(reason: "'\(printable(text))' names neither key files nor fingerprints")
    }
    return .fingerprints(words)
  }

  /// The value of an option that says yes or no, as apt reads it.
  static func isTrue(_ text: String) -> Bool {
    ["yes", "true", "on", "with", "enable", "1"].contains(text.lowercased())
  }
  static func isFalse(_ text: String) -> Bool {
    ["no", "false", "off", "without", "disable", "0"].contains(text.lowercased())
  }

  /// ASCII without blanks, quotes and what has a meaning in apt's files.
  private static func isPlain(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"'\\[]<>{}`#".utf8.contains($0) }
  }

  private static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(text.unicodeScalars.map { (0x20...0x7E).contains($0.value) ? $0 : "?" }).prefix(120))
  }
}
