import Declarations
import Disks
import Foundation
import Host
import ImageBuilding
import SystemPackage

/// What images are made of: recipes that people write, disks and packages that are downloaded, files of guests.
struct ImageTargets {
  private let samples: ImageSamples
  private let folder: FilePath

  /// - Parameter folder: for the parsers that read from a file.
  init(folder: FilePath) async throws {
    self.folder = folder
    samples = try await ImageSamples(folder: folder)
  }

  var all: [FuzzTarget] { texts + disks }

  private var texts: [FuzzTarget] {
    [
      FuzzTarget(
        "recipe", weight: 60, samples: [samples.recipe], mutator: Mutator(words: RecipeGrammar.words), judge: recipe),
      FuzzTarget("recipe made up", weight: 60, make: { RecipeGrammar.recipe(&$0) }, judge: recipe),
      text("apt sources", samples.sources, ["deb ", "[", "]", "signed-by=", "URIs:", "$(ARCH)", "\n\n", "#"]) { bytes in
        OutsideBytes.aptSources(bytes)
        return .accepted
      },
      text("dpkg status", [samples.status], ["Package: ", "Status: ", "\n\n", "\n ", ":", "ok installed"]) { bytes in
        try verdict(PackageError.self) { try OutsideBytes.dpkgStatus(bytes) }
      },
      text("apt transcript", [samples.transcript], ["Inst ", "Remv ", "[", "])", "(", "'", "SHA256:"]) { bytes in
        try verdict(PackageError.self) { try OutsideBytes.aptTranscript(String(decoding: bytes, as: UTF8.self)) }
      },
      text("published checksums", [samples.sums], ["SHA256 (", ") = ", " *", "./", "\r\n"]) { bytes in
        OutsideBytes.publishedSums(String(decoding: bytes, as: UTF8.self))
        return .accepted
      },
      text("os-release", [samples.release], ["ID=", "\"", "\\", "'", "=", "\n"]) { bytes in
        OutsideBytes.osRelease(bytes)
        return .accepted
      },
    ]
  }

  private var disks: [FuzzTarget] {
    [
      FuzzTarget(
        "qcow2 header", weight: 40, make: { $0.overwriting(samples.qcow2, within: 4096) }, judge: diskImage),
      FuzzTarget("raw disk header", weight: 20, make: { $0.overwriting(samples.raw, within: 1024) }, judge: diskImage),
      FuzzTarget("ext4", weight: 20, make: { $0.overwriting(samples.ext4, within: samples.ext4.count) }, judge: ext4),
      FuzzTarget("Debian package", weight: 10, samples: [samples.package], mutator: Mutator(), judge: package),
    ]
  }

  private func text(
    _ name: String, _ samples: [[UInt8]], _ words: [String], judge: @escaping ([UInt8]) throws -> FuzzTarget.Verdict
  ) -> FuzzTarget {
    FuzzTarget(name, weight: 60, samples: samples, mutator: Mutator(words: words), judge: judge)
  }

  private func recipe(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    try verdict(DeclarationError.self) { try OutsideBytes.recipe(String(decoding: bytes, as: UTF8.self)) }
  }

  private func diskImage(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    let path = try write(bytes, "disk")
    return try verdict(ImageRefusal.self) { try OutsideBytes.diskImage(path) }
  }

  private func ext4(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    let path = try write(bytes, "ext4")
    return try verdict(Ext4Error.self) { try OutsideBytes.ext4(path, uuid: ImageSamples.uuid) }
  }

  private func package(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    let (path, target) = (try write(bytes, "package.deb"), folder.appending("unpacked.deb"))
    defer { try? Folder.remove(target) }
    return try verdict(PackageError.self) { try OutsideBytes.debianPackage(path, target: target) }
  }

  private func write(_ bytes: [UInt8], _ name: String) throws -> FilePath {
    let path = folder.appending(name)
    try Data(bytes).write(to: URL(filePath: path.string))
    return path
  }
}

extension SeededGenerator {
  /// Changes one to six numbers of 1, 2, 4 or 8 bytes, and leaves everything where it is; what isn't zero is
  /// preferred, for that is where something stands.
  fileprivate mutating func overwriting(_ bytes: [UInt8], within limit: Int) -> [UInt8] {
    var bytes = bytes
    let end = min(limit, bytes.count)
    for _ in 0..<1 + below(6) {
      var place = below(end)
      for _ in 0..<20 where bytes[place] == 0 { place = below(end) }
      let value: UInt64 =
        switch below(5) {
        case 0: 0
        case 1: .max
        case 2: UInt64(below(300))
        case 3: 1 << UInt64(below(64))
        default: .random(in: .min ... .max, using: &self)
        }
      let width = 1 << below(4)
      let start = place / width * width
      for offset in 0..<width where start + offset < end {
        bytes[start + offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * offset))
      }
    }
    return once(in: 20) ? Array(bytes.prefix(below(bytes.count))) : bytes
  }
}
