/// What is kept in a server's metadata beside its mark.
enum ServerMetadata {
  /// The key of cpbuild's id of the image.
  static let image = "cpbuild_image"
  /// Of the memo's first part; others have a number behind it.
  private static let memo = "cpbuild_network"
  /// The longest value that Nova takes.
  private static let longest = 255

  static func make(image: String, memo: String) -> [String: String] {
    var metadata = [Self.image: image]
    var rest = memo[...]
    while !rest.isEmpty {
      metadata[key(metadata.count)] = String(rest.prefix(longest))
      rest = rest.dropFirst(longest)
    }
    return metadata
  }

  static func memo(in metadata: [String: String]) -> String {
    var (memo, number) = ("", 1)
    while let part = metadata[key(number)] {
      memo += part
      number += 1
    }
    return memo
  }

  private static func key(_ number: Int) -> String { number == 1 ? memo : "\(memo)_\(number)" }
}
