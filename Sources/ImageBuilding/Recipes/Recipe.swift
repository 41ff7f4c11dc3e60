public import Host
public import SystemPackage

/// What an image is made of. Read from a YAML file in `image-recipes/`; `docs/recipes.md` describes the format.
public struct Recipe: Sendable, Equatable {
  /// Letters, digits, `.`, `_` and `-`; the file's name without `.yaml` when the file gives none.
  public var name: String
  public var summary: String
  public var base: Base
  /// Package names, without versions.
  public var packages: [PackageName]
  /// Folders of overlay files, in the order in which they are laid.
  public var overlays: [FilePath]
  /// The most that the image's virtual size may be, in bytes. An m1.tiny has a disk of 1 GiB.
  public var maximumSize: UInt64
  /// MiB of memory that an instance needs; goes into the manifest as `min_ram`.
  public var minimumMemory: Int
  /// What is left out of the image.
  public var omit: Set<Omission>
  public var checks: Checks
  /// The file that this was read from.
  public var file: FilePath

  /// Where an image starts.
  public enum Base: Sendable, Equatable {
    /// A qcow2 or raw image on this machine.
    case path(FilePath)
    /// A download, and how it is told from a wrong one.
    case url(String, checksum: Checksum)
    /// A minimal system from the host's own apt sources.
    case bootstrap

    /// For a person.
    public var description: String {
      switch self {
      case .path(let path): path.string
      case .url(let url, _): url
      case .bootstrap: "the host's own apt sources"
      }
    }
  }

  public enum Checksum: Sendable, Equatable {
    case digest(Digest)
    /// The URL of the publisher's SHA256SUMS or SHA512SUMS.
    case sums(String)
  }

  /// Parts of packages that an image can do without. Copyright files always stay.
  public enum Omission: String, Sendable, CaseIterable { case docs, man, locales }

  /// What has to hold in the finished image.
  public struct Checks: Sendable, Equatable {
    /// Absolute paths that have to exist.
    public var files: [String] = []
    /// systemd units that have to be enabled.
    public var enabled: [String] = []
    /// The size that the compressed image may have, in bytes; nil for any.
    public var maximumDownload: UInt64?
  }
}
