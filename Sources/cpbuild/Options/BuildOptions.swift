import ArgumentParser
import Foundation
import Host
import ImageBuilding
import SystemPackage

/// For commands that build images or read the builder's cache.
struct BuildOptions: ParsableArguments {
  @OptionGroup var global: GlobalOptions
  @OptionGroup var artifacts: ArtifactOptions
  @OptionGroup var network: NetworkOptions

  @Flag(help: "Fetch package indexes and checksums again even if they are less than a day old.")
  var refresh = false

  mutating func validate() throws {
    if refresh && network.offline { throw ValidationError("--refresh and --offline don't go together.") }
  }

  /// Bases, packages and finished stages; `$CPBUILD_CACHE`, else a folder in the home.
  var cache: FilePath {
    if let chosen = ProcessInfo.processInfo.environment["CPBUILD_CACHE"], !chosen.isEmpty {
      return .fromCommandLine(chosen)
    }
    return global.home.appending("cache")
  }

  var registry: ImageRegistry { ImageRegistry(out: artifacts.out) }

  /// - Throws: ``ImageError/badEpoch(_:)``.
  func builder() throws -> ImageBuilder.Options {
    var options = ImageBuilder.Options(cache: cache, out: artifacts.out, tool: Version.number)
    options.offline = network.offline
    options.refresh = refresh
    options.epoch = try SourceDateEpoch.current()
    return options
  }
}

/// The image that a command is about.
struct ImageArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The image's id; the newest one's when left out.", valueName: "id"))
  var id: String?

  /// - Throws: ``ImageError/noSuchImage(_:folder:)``, ``ImageError/noNewestImage(artifact:)``.
  func image(in registry: ImageRegistry) throws -> ImageID {
    if let id {
      guard let image = ImageID(id), registry.contains(image) else {
        throw ImageError.noSuchImage(id, folder: registry.images)
      }
      return image
    }
    guard let current = registry.current else { throw ImageError.noNewestImage(artifact: registry.artifact) }
    guard registry.contains(current) else {
      throw ImageError.noSuchImage(current.description, folder: registry.images)
    }
    return current
  }
}
