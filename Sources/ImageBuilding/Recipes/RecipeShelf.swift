import Foundation
import Glibc
import Host
public import SystemPackage

/// Where recipes are found by name.
public struct RecipeShelf: Sendable {
  /// Folders that hold `image-recipes/`, the first that has a recipe wins.
  public let roots: [FilePath]

  public init(roots: [FilePath]) { self.roots = roots }

  /// The current folder, then where this program was installed (`<prefix>/share/cpbuild`) or built (the package that its
  /// `.build` is in).
  public static var standard: RecipeShelf {
    let program = FilePath((try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "/")
    let folder = program.removingLastComponent()
    var roots = [FilePath(FileManager.default.currentDirectoryPath)]
    roots.append(folder.removingLastComponent().appending("share").appending("cpbuild"))
    var parent = folder
    while let name = parent.lastComponent {
      parent = parent.removingLastComponent()
      if name.string.hasPrefix(".build") { roots.append(parent) }
    }
    return RecipeShelf(roots: roots)
  }

  /// Reads the recipe that `name` names: a path where it has a slash or ends in `.yaml`, else one of these folders'.
  ///
  /// - Throws: ``ImageError/noSuchRecipe(_:known:)``, ``DeclarationError``, ``HostError``.
  public func recipe(_ name: String) throws -> Recipe {
    if name.contains("/") || name.hasSuffix(".yaml") { return try Recipe(file: FilePath(name)) }
    for root in roots {
      let file = root.appending("image-recipes").appending("\(name).yaml")
      if access(file.string, F_OK) == 0 { return try Recipe(file: file) }
    }
    throw ImageError.noSuchRecipe(name, known: try names())
  }

  /// Every recipe's name, sorted.
  public func names() throws -> [String] {
    let files = try roots.flatMap { try Folder.names(in: $0.appending("image-recipes")) }
    return Set(files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }).sorted()
  }
}
