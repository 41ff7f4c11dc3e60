public import Host

/// One path of an image's filesystem, as the manifest keeps it.
public struct TreeEntry: Sendable, Codable, Hashable {
  /// Absolute.
  public var path: String
  public var type: Kind
  /// Permission bits, in octal.
  public var mode: String
  public var owner: Int64
  public var group: Int64
  /// SHA-256 of a regular file's content.
  public var digest: Digest?
  /// Where a symbolic link points to.
  public var target: String?
  /// The first path, in byte order, of the file that this is another name of.
  public var sameAs: String?
  /// Major and minor number of a device.
  public var device: String?
  /// Extended attributes, values as SHA-256.
  public var attributes: [String: Digest]?
  /// Seconds since 1970, never after the build's SOURCE_DATE_EPOCH.
  public var modified: Int

  public enum Kind: String, Sendable, Codable { case file, folder, link, character, block, pipe, socket }

  /// All of the above; what the tree's digest is made from.
  var fields: [String] {
    [
      type.rawValue, mode, String(owner), String(group), digest?.hex ?? "", target ?? "", sameAs ?? "", device ?? "",
      (attributes ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.hex)" }.joined(separator: ","),
      String(modified), path,
    ]
  }
}

/// Everything in an image's filesystem.
public struct Tree: Sendable, Equatable {
  /// In the byte order of their paths.
  public let entries: [TreeEntry]

  init(_ entries: [TreeEntry]) {
    self.entries = entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// Two trees have the same digest when every path, type, mode, owner, link, attribute, content and clamped time is.
  public var digest: Digest {
    var hasher = Digest.Hasher()
    for entry in entries { hasher.update(fields: entry.fields) }
    return hasher.finish()
  }
}
