public import Host

/// The keys of a build's stages: each the digest of all that goes into the stage, the stage before it first.
public struct StageKeys: Sendable, Equatable {
  public let packages: Digest
  public let overlays: Digest
  public let finish: Digest

  /// What the image is called: the key of its last stage.
  public var image: ImageID { ImageID(inputs: finish) }

  /// Goes up when a stage comes to do something else with the same inputs, which makes older results unusable.
  enum Version {
    static let packages = 1
    static let overlays = 1
    static let finish = 1
  }

  /// - Parameters:
  ///   - base: what identifies the base.
  ///   - packages: the digest of what is installed.
  ///   - overlays: the digests of what is laid in.
  ///   - epoch: SOURCE_DATE_EPOCH, in seconds since 1970.
  init(base: Digest, packages: Digest, overlays: [Digest], recipe: Recipe, epoch: Int) {
    func key(_ fields: [String]) -> Digest {
      var hasher = Digest.Hasher()
      hasher.update(fields: fields)
      return hasher.finish()
    }
    let omitted = recipe.omit.map(\.rawValue).sorted().joined(separator: ",")
    self.packages = key(["packages", "\(Version.packages)", base.hex, packages.hex, omitted])
    self.overlays = key(["overlays", "\(Version.overlays)", self.packages.hex] + overlays.map(\.hex))
    finish = key([
      "finish", "\(Version.finish)", self.overlays.hex, recipe.name, "\(recipe.maximumSize)",
      "\(recipe.minimumMemory)", "\(epoch)", "\(recipe.checks.maximumDownload ?? 0)",
      recipe.checks.files.joined(separator: "\n"), recipe.checks.enabled.joined(separator: "\n"),
    ])
  }
}
