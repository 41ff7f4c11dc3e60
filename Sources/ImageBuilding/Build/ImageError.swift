import Glibc
public import SystemPackage

/// What can go wrong with building, publishing and reading images.
public enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
  case badEpoch(String)
  /// A file that a CI system asks for can't be written.
  case output(String, errno: CInt)
  /// No recipe of that name; `known` are those there are.
  case noSuchRecipe(String, known: [String])
  case noSuchImage(String, folder: FilePath)
  /// No image was named, and the file that names the newest isn't there or holds no id.
  case noNewestImage(artifact: FilePath)
  /// A published image's manifest can't be read.
  case badManifest(path: FilePath, reason: String)
  /// What a recipe demands doesn't hold in the image that it gave.
  case check(recipe: String, complaints: [String])
  /// The content doesn't fit into the size that the recipe allows.
  case tooLarge(image: String, content: UInt64, limit: UInt64)
  /// A newer cpbuild wrote this.
  case newerManifest(path: FilePath, version: Int)

  public var description: String {
    switch self {
    case .badEpoch(let text):
      "SOURCE_DATE_EPOCH is '\(text)', which isn't a whole number of seconds since 1970; correct or unset it"
    case .output(let path, let code):
      "can't write to $GITHUB_OUTPUT, \(path): \(String(cString: strerror(code)))"
    case .noSuchRecipe(let name, let known):
      "there is no recipe '\(name)'; there are \(known.isEmpty ? "none" : known.joined(separator: ", ")), or give the path of a .yaml file"
    case .noSuchImage(let id, let folder):
      "there is no image \(id) in \(folder); 'cpbuild image list' shows those there are"
    case .noNewestImage(let artifact):
      "\(artifact) names no image; 'cpbuild image' builds one, or give an id of 'cpbuild image list'"
    case .badManifest(let path, let reason):
      "\(path) can't be read: \(reason); remove the image with 'cpbuild image remove' and build it again"
    case .check(let recipe, let complaints):
      "the image doesn't pass the checks of \(recipe): \(complaints.joined(separator: "; "))"
    case .tooLarge(let image, let content, let limit):
      "\(image) holds \(content >> 20) MiB, which doesn't fit into the \(limit >> 20) MiB that its recipe allows; raise root.size or install less"
    case .newerManifest(let path, let version):
      "\(path) has version \(version) of the manifest, which this cpbuild doesn't know; use a newer one"
    }
  }
}
