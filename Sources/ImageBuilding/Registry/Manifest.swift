public import Foundation
public import Host

/// What an image is and what it was made of: `manifest.json` beside its disk.
public struct Manifest: Sendable, Codable, Equatable {
  /// Of this format; goes up when a reader of the older one would be misled.
  public var version = Manifest.currentVersion
  public var id: ImageID
  public var recipe: String
  public var summary: String
  /// cpbuild's version.
  public var tool: String
  /// SOURCE_DATE_EPOCH of the build, in seconds since 1970.
  public var epoch: Int
  public var system: System
  public var base: Base
  public var stages: Stages
  public var disk: Disk
  public var boot: Boot
  /// MiB of memory, and GiB of disk, that an instance needs: `min_ram` and `min_disk` of Glance's API.
  public var minimumMemory: Int
  public var minimumDisk: Int
  public var packages: [Package]
  /// What the recipe demands of the image.
  public var checks: Checks
  /// Units that start at boot, as links below `*.wants` and `*.requires` enable them.
  public var enabledUnits: [String]
  public var tree: TreeSummary
  /// Everything in the filesystem.
  public var files: [TreeEntry]

  public static let currentVersion = 1

  public struct System: Sendable, Codable, Equatable {
    public var distribution: String
    public var version: String
    public var codename: String
    public var architecture: String
  }
  public struct Base: Sendable, Codable, Equatable {
    public var origin: String
    public var digest: Digest
  }
  public struct Stages: Sendable, Codable, Equatable {
    public var packages: Digest
    public var overlays: Digest
    public var finish: Digest
  }
  public struct Disk: Sendable, Codable, Equatable {
    /// Always `qcow2`, compressed with zstd.
    public var format: String
    public var sha256: Digest
    /// Of the file, and of the disk that an instance sees, in bytes.
    public var size: UInt64
    public var virtualSize: UInt64
  }
  /// How to start the image's own kernel without a bootloader.
  public struct Boot: Sendable, Codable, Equatable {
    /// Absolute paths in the image.
    public var kernel: String
    public var initramfs: String?
    /// UUID of the root filesystem.
    public var root: String
  }
  public struct Package: Sendable, Codable, Equatable, Hashable {
    public var name: String
    public var version: String
    public var architecture: String
  }
  public struct Checks: Sendable, Codable, Equatable {
    public var files: [String]
    public var enabled: [String]
  }
  public struct TreeSummary: Sendable, Codable, Equatable {
    public var digest: Digest
    public var entries: Int
    /// Of all regular files, in bytes.
    public var size: UInt64
  }

  /// The JSON document, the same bytes for the same manifest.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }
}
