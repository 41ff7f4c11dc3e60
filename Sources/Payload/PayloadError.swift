/// What can go wrong with making or reading a payload.
public enum PayloadError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The setting `key` can't have that value.
  case setting(key: String, why: String)
  /// The encoded payload has `size` bytes, and `limit` is the most; `parts` are the files and their sizes, largest first.
  case tooLarge(size: Int, limit: Int, parts: [Part])
  /// A payload can be encoded once or twice, not as often as that.
  case encoding(times: Int)
  /// libarchive couldn't write the archive.
  case notWritten(reason: String)
  /// The bytes aren't a whole zip archive.
  case notAnArchive(reason: String)
  /// The archive holds something that a payload never does; `entry` is escaped for printing.
  case hostile(entry: String, why: String)

  /// A file of a payload and its size in bytes, before compression.
  public struct Part: Equatable, Sendable {
    public let name: String
    public let size: Int
  }

  public var description: String {
    switch self {
    case .setting(let key, let why): "the setting \(key) can't be used: \(why)"
    case .tooLarge(let size, let limit, let parts):
      "the payload has \(size) bytes when encoded, and nova takes \(limit): the largest parts are "
        + parts.prefix(3).map { "\($0.name) (\($0.size) bytes)" }.joined(separator: ", ")
        + "; run 'cpbuild serve' and name its address as trust.crl-url, so that the cloudpipe fetches its CRL there, or use "
        + "elliptic curve keys and fewer routes"
    case .encoding(let times): "a payload is encoded once or twice, not \(times) times"
    case .notWritten(let reason): "can't make the payload's archive: \(reason)"
    case .notAnArchive(let reason): "the payload isn't a whole zip archive: \(reason)"
    case .hostile(let entry, let why): "the payload's entry \(entry) is refused: \(why)"
    }
  }
}
