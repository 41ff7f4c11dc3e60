import Disks
package import SystemPackage

/// The parsers of this module that take bytes which anybody may have made, each as a plain function of those bytes: what
/// the fuzzer of this package calls.
package enum OutsideBytes {
  /// A recipe, as if it stood in a file.
  package static func recipe(_ text: String) throws {
    _ = try Recipe(text: text, file: "/image-recipes/fuzzed.yaml")
  }

  /// A disk image in any format, read from its file.
  package static func diskImage(_ path: FilePath) throws { _ = try DiskImageHeader.read(try ImageFile(path)) }

  /// A raw disk with ext4 in its first partition, listed to the last entry.
  package static func ext4(_ path: FilePath, uuid: String) throws {
    let volume = try Ext4Volume.find(uuid: uuid, on: try DiskBytes(path))
    _ = try TreeReader(volume: volume, epoch: .max, wanted: { $0.hasPrefix("/etc/") }).read()
  }

  /// A guest's `sources.list`, `.sources` file and list of mirrors.
  package static func aptSources(_ bytes: [UInt8]) {
    _ = AptSourceParser.oneLine(bytes, file: "sources.list", architecture: "amd64")
    _ = AptSourceParser.deb822(bytes, file: "fuzzed.sources", architecture: "amd64")
    _ = AptSourceParser.mirrors(bytes)
  }

  /// A guest's `/var/lib/dpkg/status`.
  package static func dpkgStatus(_ bytes: [UInt8]) throws { _ = try DpkgStatus(bytes).nativeArchitecture }

  /// What apt says of an index that was downloaded.
  package static func aptTranscript(_ text: String) throws {
    _ = try AptTranscript.changes(in: text)
    _ = try AptTranscript.files(in: text)
  }

  /// A downloaded package, unpacked to `target`.
  package static func debianPackage(_ path: FilePath, target: FilePath) throws {
    try DebArchive(path).writeUncompressed(to: target)
  }

  /// A publisher's list of checksums.
  package static func publishedSums(_ text: String) { _ = PublishedSums(text) }

  /// A guest's `/etc/os-release`.
  package static func osRelease(_ bytes: [UInt8]) { _ = OSRelease(bytes) }
}
